//! An allocator that counts, over the one that this process was started with.
//!
//! # Invariants
//! - CHOSEN-ONCE: which allocator it is, is read from the environment at the first allocation, and
//!   never again: a pointer goes back to where it came from.
//! - ONE-WRITER: a slot is written by one thread, so that counting takes no atomic operation that
//!   would cost as much as a small allocation.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ffi::CStr,
    sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use mimalloc::MiMalloc;
use tikv_jemallocator::Jemalloc;

/// To be the program's `#[global_allocator]`.
pub(crate) struct Counting;

/// What the memory of a process comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Allocator {
    #[default]
    Glibc,
    Mimalloc,
    Jemalloc,
    /// With a thread that gives back what is not used.
    JemallocThread,
}

impl Allocator {
    /// The variable in which a process finds the name of its own.
    pub(crate) const VARIABLE: &CStr = c"LEASEHOLD_SCALE_ALLOCATOR";

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Mimalloc => "mimalloc",
            Self::Jemalloc => "jemalloc",
            Self::JemallocThread => "jemalloc-thread",
        }
    }

    /// What jemalloc itself is told, by the variable that it reads at its start.
    pub(crate) fn jemalloc_conf(self) -> (&'static str, &'static str) {
        (
            "_RJEM_MALLOC_CONF",
            if self == Self::JemallocThread { "background_thread:true" } else { "" },
        )
    }

    /// Allocates nothing, for nothing can be allocated yet.
    fn from_environment() -> Self {
        // SAFETY: the name ends with a zero; nothing in this program changes the environment.
        let value = unsafe { libc::getenv(Self::VARIABLE.as_ptr()) };
        if value.is_null() {
            return Self::default();
        }
        // SAFETY: what `getenv` returns is a string that ends with a zero, and stays.
        match unsafe { CStr::from_ptr(value) }.to_bytes() {
            b"mimalloc" => Self::Mimalloc,
            b"jemalloc" => Self::Jemalloc,
            b"jemalloc-thread" => Self::JemallocThread,
            _ => Self::Glibc,
        }
    }
}

/// The one of this process (CHOSEN-ONCE).
fn chosen() -> &'static dyn GlobalAlloc {
    const NONE_YET: u8 = u8::MAX;
    static CHOSEN: AtomicU8 = AtomicU8::new(NONE_YET);
    let mut chosen = CHOSEN.load(Relaxed);
    if chosen == NONE_YET {
        chosen = Allocator::from_environment() as u8;
        CHOSEN.store(chosen, Relaxed);
    }
    match chosen {
        0 => &System,
        1 => &MiMalloc,
        _ => &Jemalloc,
    }
}

/// Bytes that are out now.
pub(crate) fn live() -> i64 {
    SLOTS.iter().map(|slot| slot.live.load(Relaxed)).sum()
}

/// How often memory was asked for, growing included.
pub(crate) fn allocations() -> u64 {
    SLOTS.iter().map(|slot| slot.allocations.load(Relaxed)).sum()
}

/// A server process has a few threads; the bench itself as well.
const SLOTS_MAX: usize = 64;

static SLOTS: [Slot; SLOTS_MAX] =
    [const { Slot { live: AtomicI64::new(0), allocations: AtomicU64::new(0) } }; SLOTS_MAX];

/// The counts of one thread, on a cache line of its own.
#[repr(align(64))]
struct Slot {
    live: AtomicI64,
    allocations: AtomicU64,
}

impl Slot {
    fn mine() -> &'static Self {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let index = INDEX.with(|index| {
            if index.get() == usize::MAX {
                index.set(TAKEN.fetch_add(1, Relaxed));
            }
            index.get()
        });
        assert!(index < SLOTS_MAX, "a process that counts has at most {SLOTS_MAX} threads");
        &SLOTS[index]
    }

    /// ONE-WRITER: nobody else writes between the load and the store.
    fn add(bytes: i64) {
        let live = &Self::mine().live;
        live.store(live.load(Relaxed) + bytes, Relaxed);
    }

    fn count(bytes: i64) {
        Self::add(bytes);
        let allocations = &Self::mine().allocations;
        allocations.store(allocations.load(Relaxed) + 1, Relaxed);
    }
}

// SAFETY: all calls go to one allocator as they are (CHOSEN-ONCE).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Slot::count(layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { chosen().alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        Slot::add(-(layout.size() as i64));
        // SAFETY: the caller's promise.
        unsafe { chosen().dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Slot::count(layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { chosen().alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Slot::count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { chosen().realloc(ptr, layout, new_size) }
    }
}
