//! `Ties`: the tasks that wait for upgraded sockets of a server.
//!
//! Apart from the list of sleepers, for they have no deadline there: each costs the 16 bytes of its
//! waker.

use std::task::Waker;

use tokio::sync::{Notify, futures::Notified};

use crate::sync::Mutex;

/// Names a socket among those that are tied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tie(u32);

#[derive(Debug, Default)]
pub(super) struct Ties {
    list: Mutex<List>,
    /// Told when one has left.
    left: Notify,
}

#[derive(Debug, Default)]
struct List {
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

impl Ties {
    pub(super) fn join(&self) -> Tie {
        let mut list = self.list.lock();
        if let Some(index) = list.free.pop() {
            return Tie(index);
        }
        list.wakers.push(None);
        Tie(u32::try_from(list.wakers.len() - 1).expect("fewer than 4 billion sockets"))
    }

    pub(super) fn leave(&self, tie: Tie) {
        let waker = {
            let mut list = self.list.lock();
            list.free.push(tie.0);
            list.wakers[tie.0 as usize].take()
        };
        drop(waker); // whatever that does, the lock is free
        self.left.notify_waiters();
    }

    /// Keeps the waker of a task that waits.
    pub(super) fn wait(&self, tie: Tie, waker: &Waker) {
        let before = self.list.lock().wakers[tie.0 as usize].replace(waker.clone());
        drop(before);
    }

    pub(super) fn count(&self) -> usize {
        let list = self.list.lock();
        list.wakers.len() - list.free.len()
    }

    /// Ready when one has left since this call.
    pub(super) fn left(&self) -> Notified<'_> {
        self.left.notified()
    }

    pub(super) fn wakers(&self) -> Vec<Waker> {
        self.list.lock().wakers.iter().flatten().cloned().collect()
    }
}
