//! `Connection`: one connection, parked between requests.
//!
//! ```text
//!            a head                room for hyper                service, response        all conditions of `track`
//!   Waiting ────────▶ (Queued) ────────────────────▶ Awake: Head ─────────────────▶ Awake: Busy ────────▶ Awake: Idle
//!      ▲                                               ▲                                                      │   │
//!      │                                               └──────────── bytes of the next head ──────────────────┘   │
//!      └──────────────────────────────── linger is over, too many linger, or memory is short ─────────────────────┘
//! ```
//!
//! A whole head for which there is no room waits in line, and is answered 503 if that takes too
//! long; what is told so ends in order.
//!
//! While it waits there is the socket, a place in its server's timers, and what has come of the
//! next head: hyper's 18 KB are for requests, not for whoever sends half a head. Each deadline
//! counts from when its phase began, that of a head from its first byte; more bytes do not reset
//! it. A busy connection has one only while the client is waited for, from its last progress.
//!
//! # Invariants
//! - DISPATCHED: hyper gets a head when it is whole, too long or broken, and is not parked with it
//!   before a request was dispatched.
//! - STALLED: while the client is waited for (WAITED), the deadline counts from when that began.
//!   While a body may be waited for by a task that does not wake this one, the connection looks
//!   again one stall timeout after it last did: no such wait can be over before.
//! - SOCKET: only a bare socket is parked: of another transport it is not known what it has read
//!   already.
//! - ROOM: with a pool, what hyper holds for a connection that is awake is reserved first.
//! - CLAIM: once the server stops, a request is served if its first byte came before that, and no
//!   other one. A connection that waits for its first byte looks once for one. One that hyper has
//!   is told to end as soon as hyper asks for a byte that has no claim.
//! - WARM: what hyper holds for all that linger, with what its read buffers have grown to, is at
//!   most `max_warm`, and one connection's more.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    connection_state::ConnectionState,
    connections::{Connections, Open, Wakeful},
    driver::{Driver, Drivers},
    farewell::Farewell,
    head::Protocol,
    settings::{AccountSettings, Settings},
    waiting_heads::WaitingHead,
};
use crate::{
    io::{ServerState, limit_unsent_of, peek_now},
    pool::{Reservation, ReserveFuture},
    util::{Millis, SlotId, Wakes},
};

/// How long a client of HTTP/2 has to end a connection that was idle for too long, once it was
/// told.
const GOODBYE: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(super) struct Shared<T> {
    pub(super) drivers: Box<dyn Drivers<T>>,
    pub(super) settings: Settings,
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
    /// Whether nothing was asked yet: HTTP/2 is possible.
    pub(super) is_fresh: bool,
    /// Whether it has looked for the first byte of a request since the server stops (CLAIM).
    pub(super) has_looked: bool,
    /// Whether only the request that comes next has a claim.
    pub(super) is_last: bool,
    /// What is in the timers: the waker, its deadline there, and whether it may be woken early. The
    /// deadline of an earlier phase may come sooner than `deadline`.
    asleep: Option<(Waker, Millis, Wakes)>,
    pub(super) stage: Stage<T>,
    /// Dropped last: once it is no longer counted, all that it held is home.
    pub(super) open: Open,
}

pub(super) enum Stage<T> {
    /// The transport, and what has come of the next head with the room for it.
    Waiting(T, BytesMut, Reservation),
    Queued(Box<Queued<T>>),
    Awake(Box<Awake<T>>),
    Ending(Farewell<T>),
    Ended,
}

/// A head, and no room for hyper to take it.
pub(super) struct Queued<T> {
    pub(super) io: T,
    pub(super) head: BytesMut,
    pub(super) protocol: Protocol,
    pub(super) reserve: ReserveFuture,
    pub(super) _place: WaitingHead,
}

pub(super) struct Awake<T> {
    pub(super) driver: Box<dyn Driver<T>>,
    pub(super) state: Arc<ConnectionState>,
    pub(super) phase: Phase,
    pub(super) can_park: bool,
    pub(super) is_http2: bool,
    pub(super) is_told_to_stop: bool,
    /// When what a client of HTTP/2 asks is left unheard, once it was told.
    pub(super) last_call: Millis,
    /// ROOM
    pub(super) _room: Reservation,
    /// Counts it, lingering or not.
    pub(super) wakeful: Wakeful,
}

/// Each is begun anew, with its deadline, whenever it differs from the one before; that of a busy
/// connection at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// So many requests were dispatched, and bytes of the next head came.
    Head { dispatched: u32 },
    /// A response is in flight, or the client is waited for.
    Busy,
    /// A response is out, and something of its request is not: so many reads brought bytes.
    Draining { reads: u32 },
    /// Nothing to do, after so many requests and so many reads that brought bytes.
    Idle { dispatched: u32, reads: u32 },
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, io: T) -> Self {
        if let Some(bytes) = shared.settings.max_unsent {
            // A peer that is gone already is noticed soon enough.
            let _ = limit_unsent_of(&io, bytes);
        }
        let open = shared.connections.accept();
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
            stage: Stage::Waiting(io, BytesMut::new(), Reservation::empty()),
            open,
        }
    }

    fn poll_awake(&mut self, cx: &mut Context<'_>, mut awake: Box<Awake<T>>) -> Poll<Next> {
        let (now, is_stopping) = self.shared.server.look();
        if is_stopping {
            self.stop(&mut awake, now);
        }
        let had_claims = is_stopping && awake.state.has_claims();
        awake.state.begin_drive();
        let driven = awake.driver.poll_drive(cx);
        awake.state.end_drive(cx);
        if driven.is_ready() {
            return Poll::Ready(self.end(*awake, now));
        }
        let phase = awake.phase_now();
        if is_stopping {
            match self.look_for_the_last(awake, had_claims, phase, now) {
                Ok(next) => return Poll::Ready(next),
                Err(more) => awake = more,
            }
        }
        // What the client is waited for changes while a response is in flight.
        if phase != awake.phase || phase == Phase::Busy {
            self.turn_to(&mut awake, phase, now);
            if matches!(phase, Phase::Draining { .. }) {
                // Nobody else may: what hyper did in this turn is all that it was woken for, and
                // one more may read or flush what is left.
                cx.waker().wake_by_ref();
            }
        }
        let is_late = now >= self.deadline;
        if phase.may_park() && awake.can_park && !is_stopping {
            // Half a head is waited for without hyper.
            if is_late || !awake.lingers() || self.must_park() {
                return Poll::Ready(self.park(*awake, now));
            }
        } else if is_late && awake.is_http2 && !std::mem::replace(&mut awake.is_told_to_stop, true)
        {
            // RFC 9113 §6.8: so that the client knows what was not processed.
            awake.driver.shut_down();
            awake.last_call = now.deadline_after(GOODBYE);
            self.deadline = awake.last_call;
            self.stage = Stage::Awake(awake);
            return Poll::Ready(Next::GoOn);
        } else if is_late {
            return Poll::Ready(Next::End);
        }
        self.stage = Stage::Awake(awake);
        Poll::Pending
    }

    /// The server stops: hyper tells a client of HTTP/2 at once, and one of HTTP/1 with the last
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

    /// hyper was driven while the server stops, and before that `had_claims`: what to do if it has
    /// asked for a byte without a claim (CLAIM), or the connection as it was.
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
            // The one that is in flight is the last.
            awake.is_told_to_stop = true;
            awake.driver.shut_down();
            self.stage = Stage::Awake(awake);
            return Ok(Next::GoOn);
        }
        if !had_claims {
            return Ok(Next::End);
        }
        // What hyper has left is of a head that has a claim.
        self.is_last = true;
        Ok(self.park(*awake, now))
    }

    /// hyper is done. If the client may still be sending, what it sends is read, so that it is not
    /// reset before it has read its answer.
    #[inline(never)]
    fn end(&mut self, awake: Awake<T>, now: Millis) -> Next {
        let (is_cut_short, is_drained) = (awake.state.is_cut_short(), awake.state.is_drained());
        if awake.is_http2 || (is_drained && !is_cut_short) {
            return Next::End;
        }
        match awake.driver.into_parts() {
            Some((io, _)) if is_cut_short || peek_now(&io, 1).is_some_and(|count| count > 0) => {
                self.bid_farewell(Farewell::said(io, now), now)
            }
            _ => Next::End,
        }
    }

    pub(super) fn bid_farewell(&mut self, farewell: Farewell<T>, now: Millis) -> Next {
        self.deadline = farewell.deadline(now);
        self.stage = Stage::Ending(farewell);
        Next::GoOn
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>, mut farewell: Farewell<T>) -> Poll<Next> {
        let mut has_moved = false;
        if farewell.poll(cx, &mut has_moved).is_ready() {
            return Poll::Ready(Next::End);
        }
        if has_moved {
            self.deadline = farewell.deadline(self.shared.server.look().0);
        }
        self.stage = Stage::Ending(farewell);
        Poll::Pending
    }

    /// A phase begins, and its deadline.
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
        awake.wakeful.set_lingers(awake.lingers().then(|| awake.state.awake_len()));
    }

    /// Whether there is no time to linger: too many do, or memory is short.
    fn must_park(&self) -> bool {
        let settings = &self.shared.settings;
        let warm = self.shared.connections.lingering();
        warm > settings.max_warm || settings.account.as_ref().is_some_and(AccountSettings::is_short)
    }

    /// Sees to it that the task is woken at the deadline, or sooner, and when the server stops.
    /// Takes a lock only if it is not yet entered so: a busy connection has a later deadline with
    /// each request, and moves its entry when the earlier one has come.
    fn sleep(&mut self, cx: &Context<'_>, now: Millis) {
        let (mut deadline, mut wakes) = (self.deadline, Wakes::AtDeadline);
        if let Stage::Awake(awake) = &self.stage {
            if awake.lingers() {
                wakes = Wakes::Early;
            }
            if awake.state.may_wait() {
                // STALLED
                deadline = deadline.min(now.deadline_after(self.shared.settings.stall_timeout));
            }
        }
        let is_asleep = |(waker, sooner, entered): &(Waker, Millis, Wakes)| {
            now < *sooner && *sooner <= deadline && *entered >= wakes && waker.will_wake(cx.waker())
        };
        if !self.asleep.as_ref().is_some_and(is_asleep) {
            self.shared.server.timers.sleep(self.slot, cx, deadline, wakes);
            self.asleep = Some((cx.waker().clone(), deadline, wakes));
        }
    }

    /// Takes the connection apart to its socket.
    fn park(&mut self, awake: Awake<T>, now: Millis) -> Next {
        let Some((io, left)) = awake.driver.into_parts() else { return Next::End };
        let settings = &self.shared.settings;
        // What is left is of the next head.
        let timeout = if left.is_empty() { settings.idle_timeout } else { settings.header_timeout };
        self.deadline = now.deadline_after(timeout);
        self.stage = Stage::Waiting(io, left, Reservation::empty());
        Next::GoOn
    }
}

pub(super) enum Next {
    GoOn,
    End,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Future for Connection<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let (now, is_stopping) = this.shared.server.look();
            let is_late = now >= this.deadline;
            let polled = match std::mem::replace(&mut this.stage, Stage::Ended) {
                Stage::Ended => return Poll::Ready(()),
                _ if is_stopping && this.shared.server.is_over() => return Poll::Ready(()),
                Stage::Awake(awake) => this.poll_awake(cx, awake),
                Stage::Queued(queued) if is_late => {
                    Poll::Ready(this.refuse(queued.io, queued.protocol))
                }
                _ if is_late => return Poll::Ready(()),
                Stage::Queued(queued) => this.poll_queued(cx, queued),
                Stage::Waiting(io, head, room) => this.poll_waiting(cx, io, head, room),
                Stage::Ending(farewell) => this.poll_farewell(cx, farewell),
            };
            match polled {
                Poll::Ready(Next::GoOn) => {}
                Poll::Ready(Next::End) => return Poll::Ready(()),
                Poll::Pending => {
                    this.sleep(cx, now);
                    // A tick or the stop may have come between the look above and this.
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

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.shared.server.timers.leave(self.slot);
    }
}

impl Phase {
    /// Whether all that was asked is answered, and something was.
    fn may_park(self) -> bool {
        match self {
            Self::Idle { .. } => true,
            Self::Head { dispatched } => dispatched > 0,
            Self::Busy | Self::Draining { .. } => false,
        }
    }
}

impl<T> Awake<T> {
    /// Whether nothing is left to be done for any request, as far as hyper has seen one.
    fn is_between_requests(&self, phase: Phase) -> bool {
        phase.may_park() && self.state.is_idle()
    }

    /// Whether it could be parked, and is not yet.
    fn lingers(&self) -> bool {
        self.can_park && matches!(self.phase, Phase::Idle { .. })
    }

    fn phase_now(&self) -> Phase {
        let (dispatched, reads) = (self.state.dispatched(), self.state.reads());
        let is_waited_for = self.state.waits_since() < Millis::NEVER;
        if self.state.has_responses() || (is_waited_for && self.is_http2) {
            return Phase::Busy;
        }
        if self.is_http2 {
            // Frames that make no request, pings say, keep no connection open.
            let idle = Phase::Idle { dispatched, reads: 0 };
            return if self.state.has_bodies() { Phase::Draining { reads } } else { idle };
        }
        if dispatched == 0 {
            // DISPATCHED
            return Phase::Head { dispatched };
        }
        if !self.state.is_idle() {
            return if is_waited_for { Phase::Busy } else { Phase::Draining { reads } };
        }
        match self.phase {
            // Bytes came, and made no request.
            Phase::Head { dispatched: before } if before == dispatched => self.phase,
            Phase::Idle { dispatched: before, reads: seen }
                if before == dispatched && seen != reads =>
            {
                Phase::Head { dispatched }
            }
            _ => Phase::Idle { dispatched, reads },
        }
    }
}
