//! `Connection`: one connection, parked between requests.
//!
//! ```text
//!              a byte                    head, service, response                 all conditions of `track`
//!   Waiting ───────────▶ Awake: Head ──────────────────────────▶ Awake: Busy ───────────────────────────▶ Awake: Idle
//!      ▲                   ▲                                                                                 │   │
//!      │                   └──────────────── bytes of the next head ─────────────────────────────────────────┘   │
//!      └──────────────────────────────── linger is over, too many linger, or memory is short ────────────────────┘
//! ```
//!
//! While it waits there is the socket, a place in the list of sleepers, and nothing else. Each deadline counts from when its phase began;
//! bytes do not reset it.
//!
//! # Invariants
//! - DISPATCHED: a connection that was resumed with bytes of a head is not parked before a request was dispatched.
//! - SOCKET: only a bare socket is parked: of another transport it is not known what it has read already.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    driver::{Driver, Drivers},
    settings::{Settings, WARM_LEN},
    sleepers::{Sleepers, Slot, Tick},
    track::{Track, skips},
};
use crate::io::{is_socket, poll_readable};

/// RFC 9113 §3.4: what a client of HTTP/2 sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What all connections of a server share.
pub(super) struct Shared<T> {
    pub(super) drivers: Box<dyn Drivers<T>>,
    pub(super) settings: Settings,
    pub(super) sleepers: Arc<Sleepers>,
    /// Connections that linger.
    pub(super) warm: AtomicUsize,
}

/// The task of a connection.
pub(super) struct Connection<T> {
    shared: Arc<Shared<T>>,
    slot: Slot,
    /// When the present phase must end.
    deadline: Tick,
    /// The waker that is in the list of sleepers, and its deadline there: that of an earlier phase may come sooner than `deadline`.
    asleep: Option<(Waker, Tick)>,
    state: State<T>,
}

enum State<T> {
    /// Nothing but the transport.
    Waiting(T),
    /// Nothing but the transport, and the first bytes of it if they may be those of HTTP/2.
    Fresh(T, BytesMut),
    Awake(Box<Awake<T>>),
    Ended,
}

struct Awake<T> {
    driver: Box<dyn Driver<T>>,
    track: Arc<Track>,
    phase: Phase,
    can_park: bool,
    is_http2: bool,
    is_told_to_stop: bool,
}

/// Each is begun anew, with its deadline, whenever it differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// So many requests were dispatched, and bytes of the next head came.
    Head { dispatched: u32 },
    /// A response is in flight.
    Busy,
    /// A response is out, and something of its request is not: so many reads brought bytes.
    Draining { reads: u32 },
    /// Nothing to do, after so many requests and so many reads that brought bytes.
    Idle { dispatched: u32, reads: u32 },
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, io: T) -> Self {
        let slot = shared.sleepers.join();
        let (now, _) = shared.sleepers.look();
        let deadline = now.after(shared.settings.header_timeout);
        Self { shared, slot, deadline, asleep: None, state: State::Fresh(io, BytesMut::new()) }
    }

    /// Waits for the first byte of the next request; the socket then, or none if it has failed.
    fn poll_waiting(&mut self, cx: &mut Context<'_>, io: T) -> Poll<Option<T>> {
        match poll_readable(&io, cx) {
            Poll::Pending => {
                self.state = State::Waiting(io);
                Poll::Pending
            }
            Poll::Ready(ready) => Poll::Ready(ready.is_ok().then_some(io)),
        }
    }

    /// Reads the first bytes, until they tell HTTP/2 from HTTP/1; none if there are none to come.
    fn poll_fresh(&mut self, cx: &mut Context<'_>, mut io: T, mut begin: BytesMut) -> Poll<Option<(T, Bytes)>> {
        while begin.is_empty() || (self.shared.settings.http2 && begin.len() < PREFACE.len() && is_preface(&begin)) {
            let mut room = [0; PREFACE.len()];
            let mut room = ReadBuf::new(&mut room[begin.len()..]);
            match Pin::new(&mut io).poll_read(cx, &mut room) {
                Poll::Pending => {
                    self.state = State::Fresh(io, begin);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) if !room.filled().is_empty() => begin.extend_from_slice(room.filled()),
                // It has ended, or failed. What came is hyper's to judge.
                Poll::Ready(_) if !begin.is_empty() => break,
                Poll::Ready(_) => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some((io, begin.freeze())))
    }

    /// Hands the transport to hyper, with bytes that were read already.
    fn wake(&mut self, io: T, prefix: Bytes) {
        let settings = &self.shared.settings;
        let account = settings.account.as_ref().map(|account| account.pool.child("connection", account.limit));
        let is_http2 = settings.http2 && *prefix == PREFACE[..];
        let can_park = !is_http2 && settings.keep_alive && is_socket(&io);
        let track = Arc::new(Track::default());
        let make = if is_http2 { Drivers::http2 } else { Drivers::http1 };
        let driver = make(&*self.shared.drivers, io, prefix, Arc::clone(&track), account);
        let phase = Phase::Head { dispatched: 0 };
        self.deadline = self.shared.sleepers.look().0.after(settings.header_timeout);
        self.state = State::Awake(Box::new(Awake { driver, track, phase, can_park, is_http2, is_told_to_stop: false }));
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
            self.turn_to(&mut awake, Phase::Busy, now);
            return Poll::Ready(Next::End);
        }
        let phase = awake.phase_now();
        if phase != awake.phase {
            self.turn_to(&mut awake, phase, now);
            if matches!(phase, Phase::Draining { .. }) {
                // Nobody else may: what hyper did in this turn is all that it was woken for, and one more may read or flush what is left.
                cx.waker().wake_by_ref();
            }
        }
        let is_late = now >= self.deadline;
        if matches!(phase, Phase::Idle { .. }) && awake.can_park && !is_stopping {
            if is_late || phase == Phase::UNTOUCHED || self.must_park() {
                self.turn_to(&mut awake, Phase::Busy, now);
                return Poll::Ready(self.park(*awake, now));
            }
        } else if is_late {
            self.turn_to(&mut awake, Phase::Busy, now);
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
            Phase::Busy => Tick::NEVER,
            Phase::Idle { .. } if awake.can_park => now.after(settings.linger),
            Phase::Draining { .. } | Phase::Idle { .. } => now.after(settings.idle_timeout),
        };
        let (was_warm, is_warm) = (awake.phase.is_warm(), phase.is_warm());
        if is_warm && !was_warm {
            self.shared.warm.fetch_add(1, Relaxed);
        } else if was_warm && !is_warm {
            self.shared.warm.fetch_sub(1, Relaxed);
        }
        awake.phase = phase;
    }

    /// Whether there is no time to linger: too many do, or memory is short.
    fn must_park(&self) -> bool {
        let settings = &self.shared.settings;
        let warm = self.shared.warm.load(Relaxed) * WARM_LEN;
        warm > settings.warm_max || settings.account.as_ref().is_some_and(|account| account.pool.pressure().is_high())
    }

    /// Sees to it that the task is woken at the deadline, or sooner, and when the server stops. Takes a lock only if it is not yet entered
    /// so: a busy connection has a later deadline with each request, and moves its entry when the earlier one has come.
    fn sleep(&mut self, cx: &Context<'_>, now: Tick) {
        let is_asleep = |(waker, deadline): &(Waker, Tick)| {
            now < *deadline && *deadline <= self.deadline && waker.will_wake(cx.waker())
        };
        if !self.asleep.as_ref().is_some_and(is_asleep) {
            self.shared.sleepers.sleep(self.slot, cx, self.deadline);
            self.asleep = Some((cx.waker().clone(), self.deadline));
        }
    }

    /// Takes the connection apart to its socket.
    fn park(&mut self, awake: Awake<T>, now: Tick) -> Next {
        let Some((io, left)) = awake.driver.into_parts() else { return Next::End };
        if left.is_empty() {
            self.deadline = now.after(self.shared.settings.idle_timeout);
            self.state = State::Waiting(io);
        } else {
            // A part of the next head.
            self.wake(io, left);
        }
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
                _ if is_stopping || now >= this.deadline => return Poll::Ready(()),
                State::Waiting(io) => this.poll_waiting(cx, io).map(|io| match io {
                    Some(io) => {
                        this.wake(io, Bytes::new());
                        Next::GoOn
                    }
                    None => Next::End,
                }),
                State::Fresh(io, begin) => this.poll_fresh(cx, io, begin).map(|begun| match begun {
                    Some((io, prefix)) => {
                        this.wake(io, prefix);
                        Next::GoOn
                    }
                    None => Next::End,
                }),
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
        if let State::Awake(awake) = &self.state
            && awake.phase.is_warm()
        {
            self.shared.warm.fetch_sub(1, Relaxed);
        }
        self.shared.sleepers.leave(self.slot);
    }
}

impl Phase {
    /// A wake-up for nothing.
    const UNTOUCHED: Self = Self::Idle { dispatched: 0, reads: 0 };

    fn is_warm(self) -> bool {
        matches!(self, Self::Idle { .. })
    }
}

impl<T> Awake<T> {
    fn phase_now(&self) -> Phase {
        let (dispatched, reads) = (self.track.dispatched(), self.track.reads());
        let idle = Phase::Idle { dispatched, reads };
        if self.track.has_responses() {
            return Phase::Busy;
        }
        if self.is_http2 {
            return idle;
        }
        if dispatched == 0 && reads > 0 && !skips(6) {
            // DISPATCHED
            return Phase::Head { dispatched };
        }
        if !self.track.is_idle() {
            return Phase::Draining { reads };
        }
        match self.phase {
            // Bytes came, and made no request.
            Phase::Head { dispatched: before } if before == dispatched && reads > 0 => self.phase,
            Phase::Idle { dispatched: before, reads: seen } if before == dispatched && seen != reads => {
                Phase::Head { dispatched }
            }
            _ => idle,
        }
    }
}

fn is_preface(begin: &[u8]) -> bool {
    PREFACE.starts_with(begin)
}
