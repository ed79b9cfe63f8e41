//! The names of [`crate::sync`] on loom.

use std::{
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
    time::Duration,
};

use loom::sync::MutexGuard;
pub(crate) use loom::sync::{
    Mutex as RawMutex,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize},
};

loom::lazy_static! {
    static ref NEXT_INDEX: AtomicUsize = AtomicUsize::new(0);
}

loom::thread_local! {
    static INDEX: usize = NEXT_INDEX.fetch_add(1, Relaxed);
}

pub(crate) fn thread_index() -> usize {
    INDEX.with(|index| *index)
}

/// The lock of a shard. Under loom it is loom's mutex.
pub(crate) struct TryLock<T>(RawMutex<T>);

impl<T> TryLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RawMutex::new(value))
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom mutexes are not poisoned")
    }
}

/// A deadline that never passes: loom has no clock.
pub(crate) struct Sleep;

impl Sleep {
    pub(crate) fn new(_after: Duration) -> Self {
        Self
    }

    pub(crate) fn poll_passed(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
