//! The names of [`crate::sync`] on std and tokio.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

pub(crate) use std::sync::{
    Mutex as RawMutex,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize},
};

use std::sync::atomic::Ordering::Relaxed;

static NEXT_INDEX: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Const-initialised and without a destructor, so that it can be read while the thread is being
    /// torn down.
    static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A small number of this thread alone, to choose a shard.
#[inline]
pub(crate) fn thread_index() -> usize {
    INDEX.with(|index| {
        if index.get() == usize::MAX {
            index.set(NEXT_INDEX.fetch_add(1, Relaxed));
        }
        index.get()
    })
}

/// The deadline of a wait: tokio's timer. It is made only when a task really waits.
pub(crate) struct Sleep(Pin<Box<tokio::time::Sleep>>);

impl Sleep {
    pub(crate) fn new(after: Duration) -> Self {
        Self(Box::pin(tokio::time::sleep(after)))
    }

    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}
