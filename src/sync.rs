//! The one switch between std and loom.
//!
//! All state that threads share is built from these names, so that `--cfg leasehold_loom` turns the
//! whole pool into a model that loom can explore.

#[cfg(leasehold_loom)]
mod model;
#[cfg(not(leasehold_loom))]
mod real;
#[cfg(not(leasehold_loom))]
#[allow(unsafe_code)]
mod try_lock;

#[cfg(leasehold_loom)]
pub(crate) use model::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Sleep, TryLock, thread_index,
};
#[cfg(not(leasehold_loom))]
pub(crate) use real::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Sleep, thread_index};
#[cfg(not(leasehold_loom))]
pub(crate) use try_lock::TryLock;

#[cfg(leasehold_loom)]
use model::RawMutex;
#[cfg(not(leasehold_loom))]
use real::RawMutex;

use std::{fmt, sync::PoisonError};

/// A mutex without poisoning, because a panic never leaves its value half changed.
pub(crate) struct Mutex<T>(RawMutex<T>);

#[cfg(leasehold_loom)]
pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;
#[cfg(not(leasehold_loom))]
pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RawMutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}
