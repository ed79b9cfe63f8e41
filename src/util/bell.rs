//! `Bell`: tasks that wait for an event, and are all woken when it happens.
//!
//! It does what tokio's `Notify::notify_waiters` does. That one forgets the other tasks when one of
//! their wakers panics.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::WakeList;
use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<BellState>);

#[derive(Debug, Default)]
struct BellState {
    /// The number of rings so far.
    rings: u64,
    next: u64,
    listeners: Vec<(u64, Waker)>,
}

/// Ready when the bell has rung since this was made.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Ring<'a> {
    bell: &'a Bell,
    heard: u64,
    /// Its number among the listeners.
    number: u64,
}

impl Bell {
    /// Begins to listen. Every later ring is heard.
    pub(crate) fn listen(&self) -> Ring<'_> {
        let mut state = self.0.lock();
        state.next += 1;
        Ring { bell: self, heard: state.rings, number: state.next }
    }

    /// Wakes all listeners. No lock may be held.
    pub(crate) fn ring(&self) {
        let woken: WakeList = {
            let mut state = self.0.lock();
            state.rings += 1;
            std::mem::take(&mut state.listeners).into_iter().map(|(_, waker)| waker).collect()
        };
        woken.wake_all();
    }
}

impl Future for Ring<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let _old = {
            let mut state = self.bell.0.lock();
            if state.rings != self.heard {
                return Poll::Ready(());
            }
            match state.listeners.iter_mut().find(|(number, _)| *number == self.number) {
                Some((_, old)) => Some(std::mem::replace(old, waker)),
                None => {
                    state.listeners.push((self.number, waker));
                    None
                }
            }
        };
        Poll::Pending
    }
}

impl Drop for Ring<'_> {
    fn drop(&mut self) {
        let _left = {
            let mut state = self.bell.0.lock();
            let at = state.listeners.iter().position(|(number, _)| *number == self.number);
            at.map(|at| state.listeners.swap_remove(at))
        };
    }
}
