//! `Connection`: one connection, parked between requests.
//!
//! ```text
//!                   a whole head          service, response        nothing left to do
//!   Waiting ──▶ (Queued) ──▶ Awake: Head ─────────────────▶ Busy ───────────────────▶ Idle
//!      ▲                         ▲                                                    │  │
//!      │                         └──────────── bytes of the next head ────────────────┘  │
//!      └────────── the linger is over, too many linger, or memory is short ──────────────┘
//! ```
//!
//! "Nothing left to do" are all conditions of `connection_state`. `Queued` is for a head that must
//! wait for hyper's room.
//!
//! A whole head for which there is no room waits in line. If that takes too long, it is answered
//! 503, and the connection ends in order.
//!
//! A waiting connection holds its socket, a place in the timers of its server, and the bytes of the
//! next head that have come. hyper's 18 KB are for whole requests. Each deadline counts from the
//! beginning of its phase. The deadline of a head counts from its first byte; more bytes do not
//! reset it. A busy connection has a deadline only while it waits for its client, from the last
//! progress.
//!
//! # Invariants
//! - WHOLE-HEAD: hyper gets a head when it is whole, too long or broken. With that head the
//!   connection is not parked before a request was dispatched (DISPATCHED).
//! - STALLED: while the connection waits for its client (WAITED), the deadline counts from the
//!   beginning of the wait. A task of the service may wait for a body without waking this one. So
//!   while a body is open, the connection looks again one stall timeout after its last look: no
//!   wait that began since can be over before.
//! - SOCKET: only a bare socket is parked: another transport may have read bytes that it has not
//!   given out.
//! - ROOM: with a pool, the memory that hyper holds for an awake connection is reserved first.
//! - CLAIM: once the server stops, a request is served only if its first byte came before the stop.
//!   A connection that waits for the first byte of a head looks once for one. If hyper has the
//!   connection, hyper is told to end as soon as it asks for a byte without a claim.
//! - EVICTED: a connection is ended for another only while it waits for the first byte of a
//!   request. For its first request it has a second.
//! - WARM: hyper holds at most `max_warm` bytes for all lingering connections together, and those
//!   of one connection more. The growth of its read buffers counts. A connection whose last body
//!   was left unread lingers too: it is closed where another would be parked.

use std::{
    future::Future,
    io::{
        self,
        ErrorKind::{ConnectionAborted, TimedOut},
    },
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    BoxError,
    awake::Awake,
    connections::{Connections, Open},
    driver::Drivers,
    farewell::Farewell,
    head::Protocol,
    peer::Peer,
    phase::Phase,
    settings::{AccountSettings, Settings},
    waiting_heads::WaitingHead,
};
use crate::{
    io::{ServerState, as_tcp, limit_unsent, peek_now},
    pool::{Reservation, ReserveFuture},
    util::{Millis, SlotId, Wakes},
};

/// How long an HTTP/2 client has to end a connection that was idle for too long, after its GOAWAY.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a new connection has to send its first byte before it may be ended for another: that
/// byte may be on its way.
const GRACE: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(super) struct Shared<T> {
    pub(super) drivers: Box<dyn Drivers<T>>,
    pub(super) settings: Arc<Settings>,
    pub(super) server: Arc<ServerState>,
    pub(super) connections: Connections,
}

/// The task of a connection.
pub(super) struct Connection<T> {
    pub(super) shared: Arc<Shared<T>>,
    /// Its place in the timers.
    slot: SlotId,
    /// When the present phase must end.
    pub(super) deadline: Millis,
    /// Whether no request has come yet: it may still be HTTP/2.
    pub(super) is_fresh: bool,
    /// Whether it has looked for the first byte of a request after the stop of the server (CLAIM).
    pub(super) has_looked: bool,
    /// Whether the next request is the last one with a claim.
    pub(super) is_last: bool,
    /// The entry in the timers: the waker, its deadline there, and whether it may be woken early.
    /// The deadline may be that of an earlier phase, and sooner than `deadline`.
    pub(super) asleep: Option<(Waker, Millis, Wakes)>,
    pub(super) peer: Peer,
    pub(super) stage: Stage<T>,
    /// Dropped last: when the connection is no longer counted, all its memory is home.
    pub(super) open: Open,
}

pub(super) enum Stage<T> {
    /// The transport, and the part of the next head that has come.
    Waiting(T, Option<Box<HalfHead>>),
    Queued(Box<Queued<T>>),
    Awake(Box<Awake<T>>),
    Ending(Box<Farewell<T>>),
    Ended,
}

/// The bytes of a head that is not whole, and the room for them.
pub(super) struct HalfHead {
    bytes: BytesMut,
    room: Reservation,
}

impl<T> Stage<T> {
    /// Waits for more of a head.
    pub(super) fn waiting(io: T, bytes: BytesMut, room: Reservation) -> Self {
        let has_come = !bytes.is_empty() || !room.is_empty();
        Self::Waiting(io, has_come.then(|| Box::new(HalfHead { bytes, room })))
    }
}

/// A whole head that waits for hyper's room.
pub(super) struct Queued<T> {
    pub(super) io: T,
    pub(super) head: BytesMut,
    pub(super) protocol: Protocol,
    pub(super) reserve: ReserveFuture,
    pub(super) _place: WaitingHead,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, open: Open, io: T, peer: Peer) -> Self {
        if let Some(tcp) = as_tcp(&io) {
            // If the peer is gone already, the first read tells.
            let settings = &shared.settings;
            let _ = settings.max_unsent.map(|bytes| limit_unsent(tcp, bytes));
            let _ = settings.tcp_nodelay.map(|is_on| tcp.set_nodelay(is_on));
        }
        let slot = shared.server.timers.join();
        let (now, _) = shared.server.look();
        let deadline = now.deadline_after(shared.settings.idle_timeout);
        Self {
            shared,
            slot,
            deadline,
            is_fresh: true,
            has_looked: false,
            is_last: false,
            asleep: None,
            peer,
            stage: Stage::Waiting(io, None),
            open,
        }
    }

    fn poll_awake(
        &mut self,
        cx: &mut Context<'_>,
        mut awake: Box<Awake<T>>,
        (now, is_stopping): (Millis, bool),
    ) -> Poll<Next> {
        if is_stopping {
            self.stop(&mut awake, now);
        }
        let had_claims = is_stopping && awake.state.has_claims();
        awake.state.begin_drive();
        let driven = awake.driver.poll_drive(cx);
        awake.state.end_drive(cx);
        if let Poll::Ready(outcome) = driven {
            return Poll::Ready(self.end(*awake, outcome, now));
        }
        let phase = awake.phase_now();
        if is_stopping {
            match self.look_for_the_last(awake, had_claims, phase, now) {
                Ok(next) => return Poll::Ready(next),
                Err(more) => awake = more,
            }
        }
        // While a response is in flight, the wait for the client begins and ends.
        if phase != awake.phase || phase == Phase::Busy {
            self.turn_to(&mut awake, phase, now);
            if matches!(phase, Phase::Draining { .. }) {
                // No other event may wake it: hyper has done all that it was woken for. One more
                // turn may read or flush the rest.
                cx.waker().wake_by_ref();
            }
        }
        let is_late = now >= self.deadline;
        if phase.may_park() && awake.can_park && !is_stopping {
            // The rest of a half head is waited for without hyper.
            if is_late || !awake.lingers() || self.must_park() {
                return Poll::Ready(self.park(*awake, now));
            }
        } else if !is_stopping
            && matches!(phase, Phase::Draining { .. })
            && self.may_not_stay(&mut awake)
        {
            return Poll::Ready(self.end(*awake, Ok(()), now));
        } else if is_late && awake.is_http2 && !std::mem::replace(&mut awake.is_told_to_stop, true)
        {
            // RFC 9113 §6.8: GOAWAY tells the client which requests were not processed.
            awake.driver.shut_down();
            awake.last_call = now.deadline_after(GOODBYE);
            self.deadline = awake.last_call;
            self.stage = Stage::Awake(awake);
            return Poll::Ready(Next::GoOn);
        } else if is_late {
            return Poll::Ready(Next::End(awake.late()));
        }
        self.stage = Stage::Awake(awake);
        Poll::Pending
    }

    /// The server stops. hyper tells an HTTP/2 client at once, and an HTTP/1 client with the last
    /// request that has a claim.
    #[cold]
    fn stop(&mut self, awake: &mut Awake<T>, now: Millis) {
        if !awake.is_http2 {
            awake.state.begin_stop();
            return;
        }
        if now >= awake.last_call {
            awake.state.close();
        }
        if !std::mem::replace(&mut awake.is_told_to_stop, true) {
            awake.driver.shut_down();
            awake.last_call = now.deadline_after(GOODBYE);
            if matches!(awake.phase, Phase::Idle { .. } | Phase::Head { .. }) {
                self.deadline = self.deadline.min(awake.last_call);
            }
        }
    }

    /// Decides what to do after hyper was driven while the server stops; `had_claims` is from
    /// before the drive. Gives the connection back unless hyper has asked for a byte without a
    /// claim (CLAIM).
    #[cold]
    fn look_for_the_last(
        &mut self,
        mut awake: Box<Awake<T>>,
        had_claims: bool,
        phase: Phase,
        now: Millis,
    ) -> Result<Next, Box<Awake<T>>> {
        if awake.state.has_claims() || awake.is_told_to_stop || awake.state.dispatched() == 0 {
            return Err(awake);
        }
        if !awake.is_between_requests(phase) {
            // The request in flight is the last one.
            awake.is_told_to_stop = true;
            awake.driver.shut_down();
            self.stage = Stage::Awake(awake);
            return Ok(Next::GoOn);
        }
        if !had_claims {
            return Ok(Next::End(Ok(())));
        }
        // The bytes that hyper has left are of a head with a claim.
        self.is_last = true;
        Ok(self.park(*awake, now))
    }

    /// Ends a connection that hyper is done with. If the client may still be sending, its bytes are
    /// read on: a reset could lose the answer.
    #[inline(never)]
    fn end(&mut self, awake: Awake<T>, outcome: Result<(), BoxError>, now: Millis) -> Next {
        let (is_cut_short, is_drained) = (awake.state.is_cut_short(), awake.state.is_drained());
        if awake.is_http2 || (is_drained && !is_cut_short) {
            return Next::End(outcome);
        }
        match awake.driver.into_parts() {
            Some((io, _)) if is_cut_short || peek_now(&io, 1).is_some_and(|count| count > 0) => {
                self.bid_farewell(Farewell::said(io, outcome, now), now)
            }
            _ => Next::End(outcome),
        }
    }

    pub(super) fn bid_farewell(&mut self, farewell: Farewell<T>, now: Millis) -> Next {
        self.deadline = farewell.deadline(now);
        self.stage = Stage::Ending(Box::new(farewell));
        Next::GoOn
    }

    fn poll_farewell(
        &mut self,
        cx: &mut Context<'_>,
        mut farewell: Box<Farewell<T>>,
    ) -> Poll<Next> {
        let mut has_moved = false;
        if farewell.poll(cx, &mut has_moved).is_ready() {
            return Poll::Ready(Next::End(farewell.into_outcome()));
        }
        if has_moved {
            self.deadline = farewell.deadline(self.shared.server.look().0);
        }
        self.stage = Stage::Ending(farewell);
        Poll::Pending
    }

    /// Begins a phase and its deadline.
    fn turn_to(&mut self, awake: &mut Awake<T>, phase: Phase, now: Millis) {
        let settings = &self.shared.settings;
        self.deadline = match phase {
            Phase::Head { .. } => now.deadline_after(settings.header_timeout),
            // STALLED
            Phase::Busy => awake.state.waits_since().deadline_after(settings.stall_timeout),
            Phase::Idle { .. } if awake.can_park => now.deadline_after(settings.linger),
            Phase::Idle { .. } if awake.is_told_to_stop => now.deadline_after(GOODBYE),
            Phase::Draining { .. } | Phase::Idle { .. } => {
                now.deadline_after(settings.idle_timeout)
            }
        };
        awake.phase = phase;
        awake.wakeful.set_lingers(awake.lingers_len());
    }

    /// Whether the connection must not linger: too many do, or memory is short.
    fn must_park(&self) -> bool {
        let settings = &self.shared.settings;
        let warm = self.shared.connections.lingering();
        warm > settings.max_warm
            || settings.account.as_ref().is_some_and(AccountSettings::is_short)
            || self.shared.connections.is_full()
    }

    /// Whether the connection keeps hyper's memory, which others need, and cannot be parked.
    #[cold]
    fn may_not_stay(&self, awake: &mut Awake<T>) -> bool {
        // The body may have been dropped since the phase began.
        awake.wakeful.set_lingers(awake.lingers_len());
        awake.lingers() && self.must_park()
    }

    /// Arranges that the task is woken at the deadline or sooner, and when the server stops. Takes
    /// a lock only if its entry does not do that already. A busy connection has a later deadline
    /// with each request; it moves its entry only when the earlier deadline has come.
    fn sleep(&mut self, cx: &Context<'_>, now: Millis) {
        let (mut deadline, mut wakes) = (self.deadline, Wakes::AtDeadline);
        match &self.stage {
            Stage::Awake(awake) => {
                if awake.lingers() {
                    wakes = Wakes::Early;
                }
                if awake.state.may_wait() {
                    // STALLED
                    deadline = deadline.min(now.deadline_after(self.shared.settings.stall_timeout));
                }
            }
            _ if self.shared.settings.evicts() => (deadline, wakes) = self.wait_evictable(now),
            _ => {}
        }
        let is_asleep = |(waker, sooner, entered): &(Waker, Millis, Wakes)| {
            now < *sooner && *sooner <= deadline && *entered >= wakes && waker.will_wake(cx.waker())
        };
        if !self.asleep.as_ref().is_some_and(is_asleep) {
            self.shared.server.timers.sleep(self.slot, cx, deadline, wakes);
            self.asleep = Some((cx.waker().clone(), deadline, wakes));
            if wakes == Wakes::Idle {
                self.shared.connections.note_idle();
            }
        }
    }

    /// When a connection that waits without hyper is woken, on a server that may end it for another
    /// one (EVICTED).
    #[cold]
    fn wait_evictable(&mut self, now: Millis) -> (Millis, Wakes) {
        let is_idle = matches!(self.stage, Stage::Waiting(_, None));
        let sleep = if !is_idle {
            (self.deadline, Wakes::AtDeadline)
        } else if self.is_fresh && self.asleep.is_none() {
            (self.deadline.min(now.deadline_after(GRACE)), Wakes::AtDeadline)
        } else {
            (self.deadline, Wakes::Idle)
        };
        // The one that was idle for longest is known by its deadline.
        self.asleep.take_if(|(_, sooner, entered)| (*sooner, *entered) != sleep);
        sleep
    }

    /// Whether the connection was chosen to end, so that another one may be opened.
    pub(super) fn is_evicted(&self) -> bool {
        self.shared.server.timers.is_evicted(self.slot)
    }

    /// Takes the connection apart to its socket.
    fn park(&mut self, awake: Awake<T>, now: Millis) -> Next {
        let Some((io, left)) = awake.driver.into_parts() else {
            return Next::End(Ok(()));
        };
        let settings = &self.shared.settings;
        // The bytes that are left are of the next head.
        let timeout = if left.is_empty() { settings.idle_timeout } else { settings.header_timeout };
        self.deadline = now.deadline_after(timeout);
        self.stage = Stage::waiting(io, left, Reservation::empty());
        Next::GoOn
    }
}

pub(super) enum Next {
    GoOn,
    End(Result<(), BoxError>),
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<T> {
    /// Serves the connection to its end.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let this = self;
        loop {
            let (now, is_stopping) = this.shared.server.look();
            let is_late = now >= this.deadline;
            let polled = match std::mem::replace(&mut this.stage, Stage::Ended) {
                Stage::Ended => return Poll::Ready(Ok(())),
                _ if is_stopping && this.shared.server.is_over() => {
                    let error = io::Error::new(ConnectionAborted, "the server has stopped");
                    return Poll::Ready(Err(error.into()));
                }
                Stage::Awake(awake) => this.poll_awake(cx, awake, (now, is_stopping)),
                Stage::Queued(queued) if is_late => Poll::Ready(this.refuse_late(*queued)),
                Stage::Ending(farewell) if is_late => return Poll::Ready(farewell.into_outcome()),
                Stage::Waiting(_, Some(_)) if is_late => {
                    let error =
                        io::Error::new(TimedOut, "the head of a request was not whole in time");
                    return Poll::Ready(Err(error.into()));
                }
                Stage::Waiting(..) if is_late => return Poll::Ready(Ok(())),
                Stage::Queued(queued) => this.poll_queued(cx, queued),
                Stage::Waiting(io, half) => {
                    let (head, room) = match half {
                        Some(half) => (half.bytes, half.room),
                        None => (BytesMut::new(), Reservation::empty()),
                    };
                    this.poll_waiting(cx, io, head, room)
                }
                Stage::Ending(farewell) => this.poll_farewell(cx, farewell),
            };
            match polled {
                Poll::Ready(Next::GoOn) => {}
                Poll::Ready(Next::End(outcome)) => return Poll::Ready(outcome),
                Poll::Pending => {
                    this.sleep(cx, now);
                    // A tick or the stop may have come since the look above.
                    let (now, stops) = this.shared.server.look();
                    let is_over = stops && this.shared.server.is_over();
                    if now < this.deadline && stops == is_stopping && !is_over {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

/// The task of a connection of a listener. An error has ended no more than the connection.
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Future for Connection<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_end(cx).map(drop)
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.shared.server.timers.leave(self.slot);
    }
}
