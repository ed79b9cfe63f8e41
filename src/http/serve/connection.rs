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
//! While it waits there is the socket, a place in the list of sleepers, and what has come of the next head: hyper's 18 KB are for requests,
//! not for whoever sends half a head. Each deadline counts from when its phase began, that of a head from its first byte; more bytes do not
//! reset it. A busy connection has one only while the client is waited for, from its last progress.
//!
//! # Invariants
//! - DISPATCHED: hyper gets a head when it is whole, too long or broken, and is not parked with it before a request was dispatched.
//! - STALLED: while the client is waited for (WAITED), the deadline counts from when that began. While a body may be waited for by a task that
//!   does not wake this one, the connection looks again one stall timeout after it last did: no such wait can be over before.
//! - SOCKET: only a bare socket is parked: of another transport it is not known what it has read already.
//! - ROOM: with a pool, what hyper holds for a connection that is awake is reserved first.
//! - WARM: what hyper holds for all that linger, with what its read buffers have grown to, is at most `warm_max`, and one connection's more.

use std::{
    future::Future,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    connections::{Connections, Open, Wakeful},
    driver::{Driver, Drivers},
    head::{HEAD_LEN, Protocol, Verdict, judge},
    settings::{AccountSettings, Settings},
    track::{Track, skips},
};
use crate::{
    io::{Sleepers, Slot, Tick, is_socket, limit_unsent_of},
    pool::{Reservation, Reserve},
};

/// How long a client of HTTP/2 has to end a connection that was idle for too long, once it was told.
const GOODBYE: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(super) struct Shared<T> {
    pub(super) drivers: Box<dyn Drivers<T>>,
    pub(super) settings: Settings,
    pub(super) sleepers: Arc<Sleepers>,
    pub(super) connections: Connections,
}

/// The task of a connection.
pub(super) struct Connection<T> {
    shared: Arc<Shared<T>>,
    slot: Slot,
    /// When the present phase must end.
    deadline: Tick,
    /// Whether nothing was asked yet: HTTP/2 is possible.
    is_fresh: bool,
    /// What is in the list of sleepers: the waker, its deadline there, and whether it lingers. The deadline of an earlier phase may come sooner
    /// than `deadline`.
    asleep: Option<(Waker, Tick, bool)>,
    state: State<T>,
    /// Dropped last: once it is no longer counted, all that it held is home.
    open: Open,
}

enum State<T> {
    /// The transport, and what has come of the next head with the room for it.
    Waiting(T, BytesMut, Reservation),
    Queued(Box<Queued<T>>),
    Awake(Box<Awake<T>>),
    Ended,
}

/// A head, and no room for hyper to take it.
struct Queued<T> {
    io: T,
    head: BytesMut,
    protocol: Protocol,
    reserve: Reserve,
    _room: Reservation,
}

struct Awake<T> {
    driver: Box<dyn Driver<T>>,
    track: Arc<Track>,
    phase: Phase,
    can_park: bool,
    is_http2: bool,
    is_told_to_stop: bool,
    /// ROOM
    _room: Reservation,
    /// Counts it, lingering or not.
    wakeful: Wakeful,
}

/// Each is begun anew, with its deadline, whenever it differs from the one before; that of a busy connection at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
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
        if let Some(bytes) = shared.settings.unsent_max {
            // A peer that is gone already is noticed soon enough.
            let _ = limit_unsent_of(&io, bytes);
        }
        let open = shared.connections.accept();
        let slot = shared.sleepers.join();
        let (now, _) = shared.sleepers.look();
        let deadline = now.after(shared.settings.idle_timeout);
        Self {
            shared,
            slot,
            deadline,
            is_fresh: true,
            asleep: None,
            state: State::Waiting(io, BytesMut::new(), Reservation::empty()),
            open,
        }
    }

    /// Reads the next head, until hyper is to have it.
    fn poll_waiting(
        &mut self,
        cx: &mut Context<'_>,
        mut io: T,
        mut head: BytesMut,
        mut held: Reservation,
    ) -> Poll<Next> {
        let settings = &self.shared.settings;
        let head_max = settings.header_size_max.map_or(HEAD_LEN, |most| most.clamp(1, HEAD_LEN));
        let verdict = loop {
            let verdict = judge(&head, self.is_fresh && settings.http2);
            // Too long for this place, or a condition is to be missed.
            let is_enough = head.len() >= head_max || (skips(6) && !head.is_empty());
            if verdict != Verdict::More || is_enough {
                break verdict;
            }
            let mut room = [MaybeUninit::uninit(); HEAD_LEN];
            let mut room = ReadBuf::uninit(&mut room[..head_max - head.len()]);
            match Pin::new(&mut io).poll_read(cx, &mut room) {
                Poll::Pending if settings.holds(&head, &mut held) => {
                    self.state = State::Waiting(io, head, held);
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Ready(Next::End),
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                    if head.is_empty() {
                        self.deadline = self.shared.sleepers.look().0.after(settings.header_timeout);
                    }
                    head.extend_from_slice(room.filled());
                }
                // It has ended, or failed. What came is hyper's to judge.
                Poll::Ready(_) if !head.is_empty() => break Verdict::More,
                Poll::Ready(_) => return Poll::Ready(Next::End),
            }
        };
        Poll::Ready(match verdict {
            Verdict::Whole(protocol) => self.admit(io, head, protocol, held),
            Verdict::More => self.admit_half(io, head, held),
        })
    }

    /// Wakes the connection if there is room for it, or waits in line.
    fn admit(&mut self, io: T, head: BytesMut, protocol: Protocol, mut held: Reservation) -> Next {
        let settings = &self.shared.settings;
        let room = match settings.account.as_ref().map(|account| account.awake.try_reserve(protocol.awake_len())) {
            None => Reservation::empty(),
            Some(Ok(room)) => room,
            // The pool is made for less than one connection; nobody is to wait for what can never be.
            Some(Err(error)) if error.is_too_large() => Reservation::empty(),
            Some(Err(_)) if !settings.holds(&head, &mut held) => return Next::End,
            Some(Err(_)) => {
                let account = settings.account.as_ref().expect("it has refused");
                let reserve = account.awake.reserve(protocol.awake_len());
                self.state = State::Queued(Box::new(Queued { io, head, protocol, reserve, _room: held }));
                return Next::GoOn;
            }
        };
        self.wake(io, head, protocol, room);
        Next::GoOn
    }

    /// Wakes the connection with a head that is not whole, if there is room for such.
    fn admit_half(&mut self, io: T, head: BytesMut, held: Reservation) -> Next {
        drop(held);
        let protocol = Protocol::Http1;
        let heads = self.shared.settings.account.as_ref().map(|account| &account.heads);
        let room = match heads.map(|heads| heads.try_reserve(protocol.awake_len())) {
            None => Reservation::empty(),
            Some(Ok(room)) => room,
            Some(Err(error)) if error.is_too_large() => Reservation::empty(),
            // It would wait for others that never end theirs.
            Some(Err(_)) => return Next::End,
        };
        self.wake(io, head, protocol, room);
        Next::GoOn
    }

    fn poll_queued(&mut self, cx: &mut Context<'_>, mut queued: Box<Queued<T>>) -> Poll<Next> {
        match Pin::new(&mut queued.reserve).poll(cx) {
            Poll::Pending => {
                self.state = State::Queued(queued);
                Poll::Pending
            }
            Poll::Ready(Ok(room)) => {
                let Queued { io, head, protocol, .. } = *queued;
                self.wake(io, head, protocol, room);
                Poll::Ready(Next::GoOn)
            }
            Poll::Ready(Err(_)) => Poll::Ready(Next::End),
        }
    }

    /// Hands the transport to hyper, with bytes that were read already. The head's deadline goes on.
    fn wake(&mut self, io: T, head: BytesMut, protocol: Protocol, room: Reservation) {
        let settings = &self.shared.settings;
        let account = settings.account.as_ref().map(|account| account.pool.child("connection", account.limit));
        let is_http2 = protocol == Protocol::Http2;
        let can_park = !is_http2 && settings.keep_alive && is_socket(&io);
        let track = Arc::new(Track::new(protocol, self.shared.sleepers.clock.clone()));
        let make = if is_http2 { Drivers::http2 } else { Drivers::http1 };
        let driver = make(&*self.shared.drivers, io, head.freeze(), Arc::clone(&track), account);
        let phase = Phase::Head { dispatched: 0 };
        self.is_fresh = false;
        self.state = State::Awake(Box::new(Awake {
            driver,
            track,
            phase,
            can_park,
            is_http2,
            is_told_to_stop: false,
            _room: room,
            wakeful: self.open.awaken(),
        }));
    }

    fn poll_awake(&mut self, cx: &mut Context<'_>, mut awake: Box<Awake<T>>) -> Poll<Next> {
        let (now, is_stopping) = self.shared.sleepers.look();
        if is_stopping && !std::mem::replace(&mut awake.is_told_to_stop, true) {
            awake.driver.shut_down();
        }
        awake.track.begin_drive();
        let driven = awake.driver.poll_drive(cx);
        awake.track.end_drive(cx);
        if driven.is_ready() {
            return Poll::Ready(Next::End);
        }
        let phase = awake.phase_now();
        // What the client is waited for changes while a response is in flight.
        if phase != awake.phase || phase == Phase::Busy {
            self.turn_to(&mut awake, phase, now);
            if matches!(phase, Phase::Draining { .. }) {
                // Nobody else may: what hyper did in this turn is all that it was woken for, and one more may read or flush what is left.
                cx.waker().wake_by_ref();
            }
        }
        let is_late = now >= self.deadline;
        if phase.may_park() && awake.can_park && !is_stopping {
            // Half a head is waited for without hyper.
            if is_late || !awake.lingers() || self.must_park() {
                return Poll::Ready(self.park(*awake, now));
            }
        } else if is_late && awake.is_http2 && !std::mem::replace(&mut awake.is_told_to_stop, true) {
            // RFC 9113 §6.8: so that the client knows what was not processed.
            awake.driver.shut_down();
            self.deadline = now.after(GOODBYE);
            self.state = State::Awake(awake);
            return Poll::Ready(Next::GoOn);
        } else if is_late {
            return Poll::Ready(Next::End);
        }
        self.state = State::Awake(awake);
        Poll::Pending
    }

    /// A phase begins, and its deadline.
    fn turn_to(&mut self, awake: &mut Awake<T>, phase: Phase, now: Tick) {
        let settings = &self.shared.settings;
        self.deadline = match phase {
            Phase::Head { .. } => now.after(settings.header_timeout),
            Phase::Busy => awake.track.waits_since().after(settings.stall_timeout), // STALLED
            Phase::Idle { .. } if awake.can_park => now.after(settings.linger),
            Phase::Draining { .. } | Phase::Idle { .. } => now.after(settings.idle_timeout),
        };
        awake.phase = phase;
        awake.wakeful.set_lingers(awake.lingers().then(|| awake.track.awake_len()));
    }

    /// Whether there is no time to linger: too many do, or memory is short.
    fn must_park(&self) -> bool {
        let settings = &self.shared.settings;
        let warm = self.shared.connections.lingering();
        warm > settings.warm_max || settings.account.as_ref().is_some_and(AccountSettings::is_short)
    }

    /// Sees to it that the task is woken at the deadline, or sooner, and when the server stops. Takes a lock only if it is not yet entered
    /// so: a busy connection has a later deadline with each request, and moves its entry when the earlier one has come.
    fn sleep(&mut self, cx: &Context<'_>, now: Tick) {
        let (mut deadline, mut lingers) = (self.deadline, false);
        if let State::Awake(awake) = &self.state {
            lingers = awake.lingers();
            if awake.track.may_wait() {
                deadline = deadline.min(now.after(self.shared.settings.stall_timeout)); // STALLED
            }
        }
        let is_asleep = |(waker, sooner, lingered): &(Waker, Tick, bool)| {
            now < *sooner && *sooner <= deadline && (*lingered || !lingers) && waker.will_wake(cx.waker())
        };
        if !self.asleep.as_ref().is_some_and(is_asleep) {
            self.shared.sleepers.sleep(self.slot, cx, deadline, lingers);
            self.asleep = Some((cx.waker().clone(), deadline, lingers));
        }
    }

    /// Takes the connection apart to its socket.
    fn park(&mut self, awake: Awake<T>, now: Tick) -> Next {
        let Some((io, left)) = awake.driver.into_parts() else { return Next::End };
        let settings = &self.shared.settings;
        // What is left is of the next head.
        let timeout = if left.is_empty() { settings.idle_timeout } else { settings.header_timeout };
        self.deadline = now.after(timeout);
        self.state = State::Waiting(io, left, Reservation::empty());
        Next::GoOn
    }
}

enum Next {
    GoOn,
    End,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Future for Connection<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let (now, is_stopping) = this.shared.sleepers.look();
            let polled = match std::mem::replace(&mut this.state, State::Ended) {
                State::Ended => return Poll::Ready(()),
                State::Awake(awake) => this.poll_awake(cx, awake),
                _ if now >= this.deadline => return Poll::Ready(()),
                State::Queued(queued) => this.poll_queued(cx, queued),
                State::Waiting(..) if is_stopping => return Poll::Ready(()),
                State::Waiting(io, head, room) => this.poll_waiting(cx, io, head, room),
            };
            match polled {
                Poll::Ready(Next::GoOn) => {}
                Poll::Ready(Next::End) => return Poll::Ready(()),
                Poll::Pending => {
                    this.sleep(cx, now);
                    // A tick or the stop may have come between the look above and this.
                    let (now, stops) = this.shared.sleepers.look();
                    if now < this.deadline && stops == is_stopping {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.shared.sleepers.leave(self.slot);
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
    /// Whether it could be parked, and is not yet.
    fn lingers(&self) -> bool {
        self.can_park && matches!(self.phase, Phase::Idle { .. })
    }

    fn phase_now(&self) -> Phase {
        let (dispatched, reads) = (self.track.dispatched(), self.track.reads());
        let is_waited_for = self.track.waits_since() < Tick::NEVER;
        if self.track.has_responses() || (is_waited_for && self.is_http2) {
            return Phase::Busy;
        }
        if self.is_http2 {
            // Frames that make no request, pings say, keep no connection open.
            let idle = Phase::Idle { dispatched, reads: 0 };
            return if self.track.has_bodies() { Phase::Draining { reads } } else { idle };
        }
        if dispatched == 0 && !skips(6) {
            // DISPATCHED
            return Phase::Head { dispatched };
        }
        if !self.track.is_idle() {
            return if is_waited_for { Phase::Busy } else { Phase::Draining { reads } };
        }
        match self.phase {
            // Bytes came, and made no request.
            Phase::Head { dispatched: before } if before == dispatched && !skips(6) => self.phase,
            Phase::Idle { dispatched: before, reads: seen } if before == dispatched && seen != reads => {
                Phase::Head { dispatched }
            }
            _ => Phase::Idle { dispatched, reads },
        }
    }
}
