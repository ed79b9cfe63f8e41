//! The memory behind a pool: one reserved region as long as the budget, or runs from the global
//! allocator.
//!
//! # Invariants
//! - IN-REGION: `base` is valid for reads and writes of `len` bytes from `new` until the `Memory`
//!   is dropped.
//! - RUN-ONCE: the slab hands each byte of the region to one run at a time, and ends a run only
//!   when no block of it is held.

use std::{alloc::Layout, io, ptr::NonNull};

/// Where the blocks of a pool live.
///
/// # Examples
/// ```
/// use leasehold::{Backing, Pool};
///
/// let pool = Pool::builder().budget(4 << 20).backing(Backing::Heap).build()?;
/// let block = pool.try_lease(4_096)?;
/// assert_eq!(pool.stats().mapped, 64 << 10); // one run of 16 blocks
/// # drop(block);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// One region of address space as long as the budget. It is reserved when the pool is built,
    /// and touched page by page. Memory that is trimmed goes back to the system at once. Linux
    /// only, and the default there.
    Mapped,
    /// Runs of blocks from the global allocator. A run is allocated when a class needs it, and
    /// freed when it is trimmed. This is the default elsewhere, and the way out if the system
    /// refuses to reserve memory (strict overcommit).
    Heap,
}

impl Default for Backing {
    fn default() -> Self {
        if cfg!(target_os = "linux") { Self::Mapped } else { Self::Heap }
    }
}

/// The protections of the region.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::pool) struct Protection {
    /// Left out of core dumps (MADV_DONTDUMP).
    pub(in crate::pool) dont_dump: bool,
    /// Not there in a forked child (MADV_DONTFORK).
    pub(in crate::pool) dont_fork: bool,
}

/// Blocks are aligned to this if their class allows it, so that a 4 KiB block is one page.
pub(in crate::pool) const PAGE_LEN: usize = 4096;

pub(in crate::pool) enum Memory {
    Mapped { base: NonNull<u8>, len: usize },
    Heap,
}

// SAFETY: the region is plain memory. RUN-ONCE says which code may touch which bytes of it, on any
// thread.
unsafe impl Send for Memory {}
// SAFETY: as above. The methods only compute addresses or pass them to the system.
unsafe impl Sync for Memory {}

impl Memory {
    pub(in crate::pool) fn new(
        backing: Backing,
        len: usize,
        protection: Protection,
    ) -> io::Result<Self> {
        match backing {
            Backing::Mapped => {
                system::reserve(len, protection).map(|base| Self::Mapped { base, len })
            }
            Backing::Heap => Ok(Self::Heap),
        }
    }

    /// Whether a run keeps its place and its pages when its class gives it up.
    pub(in crate::pool) fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped { .. })
    }

    /// The start of a run of `len` bytes at `offset` of the budget; `None` if the global allocator
    /// has no more.
    pub(in crate::pool) fn begin_run(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        match *self {
            Self::Mapped { base, len: region_len } => {
                assert!(
                    offset <= region_len && len <= region_len - offset,
                    "a run leaves the region"
                );
                // SAFETY: IN-REGION, and the assert keeps the run inside it.
                Some(unsafe { base.add(offset) })
            }
            Self::Heap => {
                let layout = run_layout(len);
                // SAFETY: a run holds at least one block of at least one byte, so the layout is not
                // empty.
                NonNull::new(unsafe { std::alloc::alloc(layout) })
            }
        }
    }

    /// Ends a run.
    ///
    /// # Safety
    /// `base` and `len` are those of a `begin_run` that has not ended, and no block of the run is
    /// held (RUN-ONCE).
    pub(in crate::pool) unsafe fn end_run(&self, base: NonNull<u8>, len: usize) {
        match self {
            Self::Mapped { .. } => {}
            // SAFETY: the caller gives what `begin_run` allocated with this layout.
            Self::Heap => unsafe { std::alloc::dealloc(base.as_ptr(), run_layout(len)) },
        }
    }

    /// Gives the whole pages of the `len` bytes at `offset` back to the system. They read as zero
    /// afterwards.
    ///
    /// # Safety
    /// No code holds a block there until this returns: the slab has marked the blocks as leaving.
    pub(in crate::pool) unsafe fn give_back(&self, offset: usize, len: usize) {
        if let Self::Mapped { base, len: region_len } = *self {
            assert!(
                offset <= region_len && len <= region_len - offset,
                "a range leaves the region"
            );
            // SAFETY: IN-REGION, and the assert keeps the range inside it.
            let start = unsafe { base.add(offset) };
            system::give_back(start, len);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Self::Mapped { base, len } = *self {
            system::unreserve(base, len);
        }
    }
}

fn run_layout(len: usize) -> Layout {
    Layout::from_size_align(len, PAGE_LEN).expect("a run is far shorter than the address space")
}

#[cfg(target_os = "linux")]
mod system {
    use super::{PAGE_LEN, Protection};
    use std::{io, ptr::NonNull};

    pub(super) fn reserve(len: usize, protection: Protection) -> io::Result<NonNull<u8>> {
        // SAFETY: a new private anonymous mapping at an address of the system's choice touches no
        // memory of ours.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base =
            NonNull::new(base.cast()).expect("the system maps nothing at address zero by itself");
        // With huge pages one touched block would make 2 MiB resident, and `mapped` would be wrong.
        // A kernel without huge pages refuses the advice, which is as good.
        let _ = advise(base, len, libc::MADV_NOHUGEPAGE);
        let wanted = [
            protection.dont_dump.then_some(libc::MADV_DONTDUMP),
            protection.dont_fork.then_some(libc::MADV_DONTFORK),
        ];
        for advice in wanted.into_iter().flatten() {
            if let Err(error) = advise(base, len, advice) {
                unreserve(base, len);
                return Err(error);
            }
        }
        Ok(base)
    }

    pub(super) fn give_back(start: NonNull<u8>, len: usize) {
        let head = start.as_ptr().align_offset(PAGE_LEN);
        let whole = len.saturating_sub(head) / PAGE_LEN * PAGE_LEN;
        if whole > 0 {
            // SAFETY: `head` is below `len`, or `whole` would be zero.
            let first_page = unsafe { start.add(head) };
            // Refused only for locked pages. They stay.
            let _ = advise(first_page, whole, libc::MADV_DONTNEED);
        }
    }

    pub(super) fn unreserve(base: NonNull<u8>, len: usize) {
        // SAFETY: the range is the one that `reserve` mapped, and its `Memory` is going away.
        let status = unsafe { libc::munmap(base.as_ptr().cast(), len) };
        debug_assert_eq!(status, 0, "munmap refuses only ranges that are not pages");
    }

    fn advise(start: NonNull<u8>, len: usize, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the range lies in our region, and the advice given here never changes the bytes
        // of a block that is held.
        match unsafe { libc::madvise(start.as_ptr().cast(), len, advice) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Protection;
    use std::{io, ptr::NonNull};

    pub(super) fn reserve(_len: usize, _protection: Protection) -> io::Result<NonNull<u8>> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a mapped region needs Linux; use Backing::Heap here",
        ))
    }

    pub(super) fn give_back(_start: NonNull<u8>, _len: usize) {}

    pub(super) fn unreserve(_base: NonNull<u8>, _len: usize) {}
}
