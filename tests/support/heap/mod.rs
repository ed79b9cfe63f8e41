//! An allocator that counts calls, and the bytes that are out, by the sizes that were asked for.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed},
    },
    thread::sleep,
    time::Duration,
};

pub(crate) mod files;

/// To be the program's `#[global_allocator]`.
pub(crate) struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Held by a test for as long as it counts: the figures are the whole process's.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that has failed has nothing to hide from the next one.
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The harness starts the next test now. What it allocates for that is not to be counted.
    sleep(Duration::from_millis(20));
    guard
}

/// Bytes that are out now.
pub(crate) fn live() -> isize {
    LIVE.load(Relaxed)
}

/// Allocations so far, and their bytes.
pub(crate) fn so_far() -> (usize, usize) {
    (CALLS.load(Relaxed), BYTES.load(Relaxed))
}

fn count(len: usize, change: isize) {
    LIVE.fetch_add(change, Relaxed);
    CALLS.fetch_add(1, Relaxed);
    BYTES.fetch_add(len, Relaxed);
}

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, new_size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
