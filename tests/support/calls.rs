//! Counts the system calls that this program makes on a socket.
//!
//! The C library's functions of the same names are not called at all: whoever calls one of these,
//! in whatever crate, is bound to the functions below by the linker, which count, and make the one
//! system call. `strace -f -e trace=%net,%desc` shows the same figures.

// Not every test file needs all.
#![allow(dead_code)]

use std::{
    ffi::{c_int, c_void},
    io,
    os::fd::{AsRawFd, RawFd},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Descriptors from this on are not counted by themselves.
const FDS_MAX: usize = 1024;

static COUNTS: [Counters; FDS_MAX] =
    [const { Counters { recv: Counter::new(), send: Counter::new() } }; FDS_MAX];

static RECEIVED: Totals = Totals::new();
static SENT: Totals = Totals::new();

struct Counters {
    recv: Counter,
    send: Counter,
}

struct Counter {
    calls: AtomicU64,
    would_block: AtomicU64,
}

/// Calls in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// All of them.
    pub(crate) calls: u64,
    /// Those that only heard "not now" (EAGAIN).
    pub(crate) would_block: u64,
}

/// Calls in one direction on all descriptors but the standard streams, and what they moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) calls: u64,
    /// The slices of memory that the calls were given.
    pub(crate) pieces: u64,
    pub(crate) bytes: u64,
}

struct Totals {
    calls: AtomicU64,
    pieces: AtomicU64,
    bytes: AtomicU64,
}

impl Totals {
    const fn new() -> Self {
        Self { calls: AtomicU64::new(0), pieces: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    fn count(&self, fd: RawFd, pieces: usize, returned: libc::c_long) {
        if fd <= libc::STDERR_FILENO {
            return;
        }
        self.calls.fetch_add(1, Relaxed);
        self.pieces.fetch_add(pieces as u64, Relaxed);
        self.bytes.fetch_add(returned.max(0) as u64, Relaxed);
    }

    fn sum(&self) -> Total {
        Total {
            calls: self.calls.load(Relaxed),
            pieces: self.pieces.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

impl Counter {
    const fn new() -> Self {
        Self { calls: AtomicU64::new(0), would_block: AtomicU64::new(0) }
    }

    fn count(&self, returned: isize) -> isize {
        self.calls.fetch_add(1, Relaxed);
        if returned < 0 && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock {
            self.would_block.fetch_add(1, Relaxed);
        }
        returned
    }

    fn take(&self) -> Calls {
        Calls { calls: self.calls.swap(0, Relaxed), would_block: self.would_block.swap(0, Relaxed) }
    }
}

/// The receiving calls on a socket since this was asked last.
pub(crate) fn take_recv(socket: &impl AsRawFd) -> Calls {
    COUNTS[socket.as_raw_fd() as usize].recv.take()
}

/// The sending calls on a socket since this was asked last.
pub(crate) fn take_send(socket: &impl AsRawFd) -> Calls {
    COUNTS[socket.as_raw_fd() as usize].send.take()
}

/// All receiving calls since the program began.
pub(crate) fn received_in_all() -> Total {
    RECEIVED.sum()
}

/// All sending calls since the program began.
pub(crate) fn sent_in_all() -> Total {
    SENT.sum()
}

/// How many bytes can be read from a socket.
pub(crate) fn queued(socket: &impl AsRawFd) -> usize {
    let mut count: c_int = 0;
    // SAFETY: the request writes an int, and it is alive during the call.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    assert_eq!(answer, 0);
    count as usize
}

fn counters(fd: RawFd) -> Option<&'static Counters> {
    COUNTS.get(usize::try_from(fd).ok()?)
}

fn received(fd: RawFd, pieces: usize, returned: libc::c_long) -> isize {
    RECEIVED.count(fd, pieces, returned);
    counters(fd).map_or(returned as isize, |counters| counters.recv.count(returned as isize))
}

fn sent(fd: RawFd, pieces: usize, returned: libc::c_long) -> isize {
    SENT.count(fd, pieces, returned);
    counters(fd).map_or(returned as isize, |counters| counters.send.count(returned as isize))
}

/// How many slices a message has.
///
/// # Safety
/// It is one that the system may be given.
unsafe fn pieces(message: *const libc::msghdr) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*message).msg_iovlen }
}

// SAFETY, of all below: the name is one of the C library's, and so is the signature and what is
// done: the system call with the caller's arguments as they are, whose error is in errno.

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, buf: *mut c_void, len: usize) -> isize {
    // SAFETY: as above.
    received(fd, 1, unsafe { libc::syscall(libc::SYS_read, fd, buf, len) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readv(fd: c_int, iov: *const libc::iovec, count: c_int) -> isize {
    // SAFETY: as above.
    received(fd, count as usize, unsafe { libc::syscall(libc::SYS_readv, fd, iov, count) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int) -> isize {
    let (address, address_len) = (std::ptr::null_mut::<c_void>(), std::ptr::null_mut::<c_void>());
    // SAFETY: as above; without an address it is the same call.
    received(fd, 1, unsafe {
        libc::syscall(libc::SYS_recvfrom, fd, buf, len, flags, address, address_len)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(fd: c_int, message: *mut libc::msghdr, flags: c_int) -> isize {
    // SAFETY: as above.
    let pieces = unsafe { pieces(message) };
    // SAFETY: as above.
    received(fd, pieces, unsafe { libc::syscall(libc::SYS_recvmsg, fd, message, flags) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, buf: *const c_void, len: usize) -> isize {
    // SAFETY: as above.
    sent(fd, 1, unsafe { libc::syscall(libc::SYS_write, fd, buf, len) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, iov: *const libc::iovec, count: c_int) -> isize {
    // SAFETY: as above.
    sent(fd, count as usize, unsafe { libc::syscall(libc::SYS_writev, fd, iov, count) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, buf: *const c_void, len: usize, flags: c_int) -> isize {
    let address = std::ptr::null::<c_void>();
    // SAFETY: as above; without an address it is the same call.
    sent(fd, 1, unsafe { libc::syscall(libc::SYS_sendto, fd, buf, len, flags, address, 0) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const libc::msghdr, flags: c_int) -> isize {
    // SAFETY: as above.
    let pieces = unsafe { pieces(message) };
    // SAFETY: as above.
    sent(fd, pieces, unsafe { libc::syscall(libc::SYS_sendmsg, fd, message, flags) })
}
