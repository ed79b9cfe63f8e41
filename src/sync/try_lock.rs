//! A lock that is tried, and not waited for: one swap to lock, one plain store to unlock.
//!
//! # Invariants
//! - ONE-GUARD: `locked` is true exactly while one [`TryLockGuard`] exists. Only a guard reaches
//!   `value`.

use std::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Guards live for a handful of instructions and never across a system call. So code that must have
/// the lock spins.
pub(crate) struct TryLock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: ONE-GUARD: the value is reached by one thread at a time, so sharing the lock needs no
// more than `T: Send`.
unsafe impl<T: Send> Sync for TryLock<T> {}

/// How often `lock` spins before it lets a preempted holder run.
const SPINS_BEFORE_YIELD: u32 = 64;

impl<T> TryLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<TryLockGuard<'_, T>> {
        // Pairs with the store in the guard's drop. The guard is made only if the lock is ours,
        // because its drop unlocks.
        (!self.locked.swap(true, Acquire)).then(|| TryLockGuard { lock: self })
    }

    /// Waits for the holder. Only rare code that must visit every shard calls it.
    pub(crate) fn lock(&self) -> TryLockGuard<'_, T> {
        let mut spins = 0;
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            while self.locked.load(Relaxed) {
                spins += 1;
                if spins < SPINS_BEFORE_YIELD {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
        }
    }
}

pub(crate) struct TryLockGuard<'a, T> {
    lock: &'a TryLock<T>,
}

impl<T> Deref for TryLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: ONE-GUARD, and this is the guard.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for TryLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: ONE-GUARD, and `&mut self` makes this borrow of it the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for TryLockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Pairs with the swap in `try_lock`.
        self.lock.locked.store(false, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::TryLock;
    use std::thread;

    #[test]
    fn a_held_lock_is_refused_and_a_dropped_guard_frees_it() {
        let lock = TryLock::new(1);
        let guard = lock.try_lock().expect("free");
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock().is_none(), "a refused try must not unlock");
        drop(guard);
        *lock.try_lock().expect("free again") += 1;
        assert_eq!(*lock.lock(), 2);
    }

    #[test]
    fn no_increment_is_lost_between_threads() {
        let lock = TryLock::new(0u64);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 40_000);
    }
}
