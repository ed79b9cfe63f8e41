//! `ServerState`: what the connections of a server share, the upgraded ones too: its timers, and
//! how far its stop has come.
//!
//! # Invariants
//! - REACHED: a stop reaches the task of every connection and of every upgraded socket, and so does
//!   the end of the time to stop. A task that waits has put its waker into a list here before it
//!   looks at the flags; a flag is stored before the lists are searched for wakers.

use std::{
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Release},
    },
    task::Waker,
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    sync::Mutex,
    util::{Millis, SlotId, Slots, Timers, WakeList, wake_list::contain},
};

#[derive(Debug, Default)]
pub(crate) struct ServerState {
    pub(crate) timers: Timers,
    is_stopping: AtomicBool,
    is_over: AtomicBool,
    /// The wakers of tasks that wait for upgraded sockets. Those have no deadline here, and are
    /// not in the timers for that reason.
    ties: Mutex<Slots<Waker>>,
    /// Told when an upgraded socket has left.
    untied: Notify,
}

impl ServerState {
    /// What time it is, and whether the server stops. No lock.
    #[inline]
    pub(crate) fn look(&self) -> (Millis, bool) {
        (self.timers.now(), self.is_stopping.load(Acquire))
    }

    /// Whether the time to stop is over.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Acquire)
    }

    /// The server stops: wakes all.
    pub(crate) fn stop(&self) {
        self.wake_all(&self.is_stopping);
    }

    /// The time to stop is over: wakes all.
    pub(crate) fn end(&self) {
        self.wake_all(&self.is_over);
    }

    /// One more upgraded socket.
    pub(super) fn tie(&self) -> SlotId {
        self.ties.lock().insert(Waker::noop().clone())
    }

    /// It has left.
    pub(super) fn untie(&self, tie: SlotId) {
        let waker = self.ties.lock().remove(tie);
        drop(waker); // a waker's drop may run anybody's code: the lock is free
        self.untied.notify_waiters();
    }

    /// Keeps the waker of a task that waits for an upgraded socket.
    pub(super) fn wait(&self, tie: SlotId, waker: &Waker) {
        let mut waker = waker.clone();
        if let Some(kept) = self.ties.lock().get_mut(tie) {
            std::mem::swap(kept, &mut waker);
        }
    }

    /// How many upgraded sockets there are.
    pub(crate) fn tied(&self) -> usize {
        self.ties.lock().count()
    }

    /// Ready when an upgraded socket has left since this call.
    pub(crate) fn untied(&self) -> Notified<'_> {
        self.untied.notified()
    }

    fn wake_all(&self, why: &AtomicBool) {
        why.store(true, Release); // REACHED
        self.timers.wake_all();
        let tied: WakeList = self.ties.lock().iter().cloned().collect();
        let _ = contain(|| tied.wake_all());
    }
}
