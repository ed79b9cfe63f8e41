//! `Track`: what is known of a connection while hyper drives it.
//!
//! A connection may be taken apart between requests only if hyper would do nothing more for the last one. hyper does not say so; what
//! passes through its hands does. These are the conditions, and each is a security property: without ANSWERED and SENT responses are cut,
//! without ENDED and UNTAINTED bytes of a body are parsed as the next request (request smuggling), without DISPATCHED a head that comes in
//! pieces makes the connection be rebuilt again and again.
//!
//! # Invariants
//! - ANSWERED: no response is in flight, from the call of the service to the drop of the response's body.
//! - ENDED: every request body was seen to its end.
//! - UNTAINTED: no request body was dropped before its end since the last request was dispatched.
//! - SENT: the transport was flushed after the last write.
//! - DRAINED: the last read of the transport found nothing.
//! - DISPATCHED: a connection that was resumed with bytes of a head has dispatched that request.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Waker},
};

use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(super) struct Track {
    /// Responses in flight.
    responses: AtomicU32,
    /// Request bodies that have neither ended nor been dropped.
    bodies: AtomicU32,
    is_tainted: AtomicBool,
    is_unsent: AtomicBool,
    /// The last read found nothing.
    is_drained: AtomicBool,
    /// Reads that brought bytes.
    reads: AtomicU32,
    /// Requests dispatched on this connection since it was resumed.
    dispatched: AtomicU32,
    /// The connection's task, while something outside of it may change the above.
    waker: Mutex<Option<Waker>>,
}

impl Track {
    // ---- requests --------------------------------------------------------------------------------------------------

    /// A request is dispatched; the response is in flight until the guard is dropped.
    pub(super) fn dispatch(self: &Arc<Self>) -> InFlight {
        self.is_tainted.store(false, Release);
        self.dispatched.fetch_add(1, AcqRel);
        self.responses.fetch_add(1, AcqRel);
        InFlight(Arc::clone(self))
    }

    pub(super) fn begin_body(self: &Arc<Self>) -> OpenBody {
        self.bodies.fetch_add(1, AcqRel);
        OpenBody { track: Arc::clone(self), is_ended: false }
    }

    // ---- the transport -----------------------------------------------------------------------------------------------

    pub(super) fn note_read(&self, count: usize) {
        self.is_drained.store(false, Release);
        if count > 0 {
            self.reads.fetch_add(1, AcqRel);
        }
    }

    pub(super) fn note_drained(&self) {
        self.is_drained.store(true, Release);
    }

    pub(super) fn note_written(&self) {
        self.is_unsent.store(true, Release);
    }

    pub(super) fn note_flushed(&self) {
        self.is_unsent.store(false, Release);
    }

    // ---- the connection ----------------------------------------------------------------------------------------------

    /// How many requests were dispatched.
    pub(super) fn dispatched(&self) -> u32 {
        self.dispatched.load(Acquire)
    }

    /// How many reads brought bytes.
    pub(super) fn reads(&self) -> u32 {
        self.reads.load(Acquire)
    }

    /// Whether a response is in flight.
    pub(super) fn has_responses(&self) -> bool {
        self.responses.load(Acquire) > 0 && !skips(1)
    }

    /// Whether a request body has neither ended nor been dropped.
    pub(super) fn has_bodies(&self) -> bool {
        self.bodies.load(Acquire) > 0
    }

    /// Whether nothing is left to be done for any request: all conditions but DISPATCHED, which the connection keeps.
    pub(super) fn is_idle(&self) -> bool {
        let answered = !self.has_responses();
        let ended = !self.has_bodies() || skips(2);
        let untainted = !self.is_tainted.load(Acquire) || skips(3);
        let sent = !self.is_unsent.load(Acquire) || skips(4);
        let drained = self.is_drained.load(Acquire) || skips(5);
        answered && ended && untainted && sent && drained
    }

    /// The task to wake when a body or a response ends elsewhere.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A response in flight.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Track>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.responses.fetch_sub(1, AcqRel);
        self.0.wake();
    }
}

/// A request body that has not ended.
#[derive(Debug)]
pub(super) struct OpenBody {
    track: Arc<Track>,
    is_ended: bool,
}

impl OpenBody {
    pub(super) fn end(mut self) {
        self.is_ended = true;
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        if !self.is_ended {
            self.track.is_tainted.store(true, Release);
        }
        self.track.bodies.fetch_sub(1, AcqRel);
        self.track.wake();
    }
}

#[cfg(leasehold_teeth)]
thread_local! {
    static SKIPPED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// Switches a condition off for the servers of this thread, for the test that shows what it is good for. Never in a real build.
#[cfg(leasehold_teeth)]
#[doc(hidden)]
pub fn skip(condition: u32) {
    SKIPPED.set(condition);
}

#[cfg(leasehold_teeth)]
pub(super) fn skips(condition: u32) -> bool {
    SKIPPED.get() == condition
}

#[cfg(not(leasehold_teeth))]
pub(super) const fn skips(_: u32) -> bool {
    false
}
