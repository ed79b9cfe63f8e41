//! Bare sockets, read into several blocks with one call.
//!
//! # Invariants
//! - RECEIVED: a receiving call has written as many bytes as it returns, into the slices that it
//!   was given, in their order.
//!
//! The calls here keep SHORT (declared in [the module above](super)). tokio's own
//! `try_read_vectored` and `poll_write_vectored` do not. Measured on 100 messages: 202 calls of
//! which 101 found nothing, against 102 calls and 1.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::Shutdown,
    task::{Context, Poll},
};

use bytes::BufMut;
use socket2::{MaybeUninitSlice, MsgHdrMut, SockRef};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{io::Interest, net::TcpStream};

use crate::chain::ChainMut;

/// The kernel keeps eight slices of a receiving call on its stack, and allocates memory for more.
pub(super) const RECV_SLICES_MAX: usize = 8;

/// A bare socket of tokio.
#[derive(Clone, Copy)]
pub(super) enum Socket<'a> {
    Tcp(&'a TcpStream),
    #[cfg(unix)]
    Unix(&'a UnixStream),
}

/// The state of TCP_INQ on a socket: the option by which the kernel tells how many bytes are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Inq {
    #[default]
    Unasked,
    On,
    Off,
}

/// The result of a receiving call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) count: usize,
    pub(super) is_full: bool,
    /// The number of bytes that were left in the socket, if the kernel told it.
    pub(super) left: Option<usize>,
}

impl Received {
    /// Whether the socket has no more bytes. The end of the stream may still have to be read.
    pub(super) fn is_drained(&self) -> bool {
        self.count > 0 && self.left.map_or(!self.is_full, |left| left == 0)
    }
}

impl<'a> Socket<'a> {
    pub(super) fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    pub(super) fn poll_read_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx),
            #[cfg(unix)]
            Self::Unix(unix) => unix.poll_read_ready(cx),
        }
    }

    pub(super) fn poll_write_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_write_ready(cx),
            #[cfg(unix)]
            Self::Unix(unix) => unix.poll_write_ready(cx),
        }
    }

    /// Receives into the room of `chain` with one call, into at most eight slices (SHORT).
    ///
    /// # Errors
    /// Those of the socket. `WouldBlock` if there are no bytes.
    pub(super) fn try_recv(self, chain: &mut ChainMut, inq: &mut Inq) -> io::Result<Received> {
        let received = match chain.only_room_mut() {
            Some(room) if *inq != Inq::On => self.recv_piece(room)?,
            _ => self.recv_pieces(chain, *inq)?,
        };
        let mut left = received.count;
        while left > 0 {
            let count = left.min(chain.chunk_mut().len());
            // SAFETY: RECEIVED, and `chunk_mut` walks through the room as `room_mut` has listed it.
            unsafe { chain.advance_mut(count) };
            left -= count;
        }
        if received.is_full && *inq == Inq::Unasked {
            *inq = self.ask_inq();
        }
        Ok(received)
    }

    #[inline]
    fn recv_piece(self, room: &mut [MaybeUninit<u8>]) -> io::Result<Received> {
        let offered = room.len();
        let is_last = |&count: &usize| 0 < count && count < offered;
        let count = self.try_io(Interest::READABLE, |socket| socket.recv(room), is_last)?;
        Ok(Received { count, is_full: count == offered, left: None })
    }

    fn recv_pieces(self, chain: &mut ChainMut, inq: Inq) -> io::Result<Received> {
        let mut slices: [_; RECV_SLICES_MAX] =
            std::array::from_fn(|_| MaybeUninitSlice::new(&mut []));
        let mut count = 0;
        for (slice, room) in slices.iter_mut().zip(chain.room_mut()) {
            *slice = MaybeUninitSlice::new(room);
            count += 1;
        }
        let slices = &mut slices[..count];
        let offered = slices.iter().map(|slice| slice.len()).sum();
        self.try_io(
            Interest::READABLE,
            |socket| recv(socket, slices, offered, inq),
            Received::is_drained,
        )
    }

    /// Looks for a byte without taking it. Returns 1, or 0 at the end of the stream.
    ///
    /// # Errors
    /// Those of the socket, even if there are bytes before them. `WouldBlock` if there are no
    /// bytes.
    pub(super) fn try_peek(self) -> io::Result<usize> {
        let count = self.try_io(
            Interest::READABLE,
            |socket| socket.peek(&mut [MaybeUninit::uninit()]),
            |_| false,
        )?;
        self.sock().take_error()?.map_or(Ok(count), Err)
    }

    /// Sends with one call (SHORT).
    ///
    /// # Errors
    /// Those of the socket. `WouldBlock` if it takes nothing now.
    pub(super) fn try_send(self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let send = |socket: &SockRef<'_>| match slices {
            [slice] => socket.send_with_flags(slice, NO_SIGNAL),
            slices => socket.send_vectored_with_flags(slices, NO_SIGNAL),
        };
        self.try_io(Interest::WRITABLE, send, |&sent| 0 < sent && sent < offered)
    }

    /// Makes a call if tokio takes the socket for ready. If the call says that nothing is left to
    /// do, tokio takes the socket for not ready as of before the call, so that an event during the
    /// call is not missed.
    fn try_io<R>(
        self,
        interest: Interest,
        mut call: impl FnMut(&SockRef<'_>) -> io::Result<R>,
        is_last: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let mut answer = None;
        let sock = self.sock();
        let mut tried = || {
            let result = loop {
                match call(&sock) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            let is_last = is_last(&result);
            answer = Some(result);
            if is_last { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        let outcome = match self {
            Self::Tcp(tcp) => tcp.try_io(interest, &mut tried),
            #[cfg(unix)]
            Self::Unix(unix) => unix.try_io(interest, &mut tried),
        };
        match (answer, outcome) {
            (Some(answer), _) => Ok(answer),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => unreachable!("a call that succeeds has an answer"),
        }
    }

    pub(super) fn sock(self) -> SockRef<'a> {
        match self {
            Self::Tcp(tcp) => SockRef::from(tcp),
            #[cfg(unix)]
            Self::Unix(unix) => SockRef::from(unix),
        }
    }

    /// Ends both directions. Tasks that wait for either are woken.
    pub(super) fn shut_down(self) {
        // An error means that it was shut down before.
        let _ = self.sock().shutdown(Shutdown::Both);
    }

    fn ask_inq(self) -> Inq {
        match self {
            Self::Tcp(tcp) => ask_inq(tcp),
            #[cfg(unix)]
            Self::Unix(_) => Inq::Off,
        }
    }
}

/// A socket that was closed by its peer is an error, and not a signal that ends the program.
#[cfg(target_os = "linux")]
const NO_SIGNAL: std::ffi::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: std::ffi::c_int = 0;

fn recv(
    socket: &SockRef<'_>,
    slices: &mut [MaybeUninitSlice<'_>],
    offered: usize,
    inq: Inq,
) -> io::Result<Received> {
    let (count, left) = match slices {
        slices if inq == Inq::On => recv_inq(socket, slices)?,
        [slice] => (socket.recv(slice)?, None),
        slices => (socket.recv_vectored(slices)?.0, None),
    };
    Ok(Received { count, is_full: count == offered, left })
}

/// Asks the kernel to answer each receiving call with the number of bytes that are left (Linux
/// 4.18; not in tcp(7), see the commit b75eba76d3d7).
#[cfg(target_os = "linux")]
fn ask_inq(tcp: &TcpStream) -> Inq {
    use std::os::fd::AsRawFd;

    let yes: libc::c_int = 1;
    // SAFETY: the option takes an int, and both it and the descriptor are alive during the call.
    let answer = unsafe {
        libc::setsockopt(
            tcp.as_raw_fd(),
            libc::SOL_TCP,
            libc::TCP_INQ,
            (&raw const yes).cast(),
            size_of_val(&yes) as libc::socklen_t,
        )
    };
    if answer == 0 { Inq::On } else { Inq::Off }
}

#[cfg(not(target_os = "linux"))]
fn ask_inq(_: &TcpStream) -> Inq {
    Inq::Off
}

/// Receives, and reads from the control message how many bytes are left.
#[cfg(target_os = "linux")]
fn recv_inq(
    socket: &SockRef<'_>,
    slices: &mut [MaybeUninitSlice<'_>],
) -> io::Result<(usize, Option<usize>)> {
    /// The length of the head of a control message and an int, both padded to the longest
    /// alignment.
    const CONTROL_LEN: usize = size_of::<libc::cmsghdr>() + 16;
    let mut control = [MaybeUninit::<u8>::uninit(); CONTROL_LEN];
    let (count, control_len) = {
        let mut message = MsgHdrMut::new().with_buffers(slices).with_control(&mut control);
        let count = socket.recvmsg(&mut message, 0)?;
        (count, message.control_len())
    };
    let control = &control[..control_len];
    // SAFETY: the call has written `control_len` bytes of control messages.
    let control = unsafe { &*(std::ptr::from_ref(control) as *const [u8]) };
    Ok((count, left_of(control)))
}

#[cfg(not(target_os = "linux"))]
fn recv_inq(
    socket: &SockRef<'_>,
    slices: &mut [MaybeUninitSlice<'_>],
) -> io::Result<(usize, Option<usize>)> {
    Ok((socket.recv_vectored(slices)?.0, None))
}

/// The number of bytes that a control message says are left: `struct cmsghdr { size_t cmsg_len; int
/// cmsg_level; int cmsg_type; }`, then an int.
#[cfg(target_os = "linux")]
fn left_of(control: &[u8]) -> Option<usize> {
    let int_at = |at: usize| -> Option<i32> {
        Some(i32::from_ne_bytes(control.get(at..at + 4)?.try_into().ok()?))
    };
    let head_len = size_of::<libc::cmsghdr>();
    let (level, kind) = (int_at(head_len - 8)?, int_at(head_len - 4)?);
    // SAFETY: this only computes where the data begins.
    let data_at = unsafe { libc::CMSG_LEN(0) } as usize;
    (level == libc::SOL_TCP && kind == libc::TCP_CM_INQ)
        .then(|| int_at(data_at))
        .flatten()?
        .try_into()
        .ok()
}

/// Limits how many bytes of a socket the kernel takes that the network has not sent yet:
/// TCP_NOTSENT_LOWAT.
///
/// Without the limit the kernel takes megabytes for a peer that reads slowly. No account counts
/// them, and a writer learns of the peer's progress in large steps only. 128 KiB costs no
/// throughput (Linux commit c9bee3b7fdec: "128 KB or less is OK"). Call it on accepted sockets. It
/// does nothing if the system has no such option.
///
/// # Errors
/// Those of `setsockopt`.
///
/// # Examples
/// ```
/// use leasehold::io::limit_unsent;
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let _client = TcpStream::connect(listener.local_addr()?).await?;
/// let (socket, peer) = listener.accept().await?;
/// limit_unsent(&socket, 128 << 10)?;
/// assert_eq!(socket.peer_addr()?, peer);
/// # Ok(())
/// # }
/// ```
#[cfg(target_os = "linux")]
pub fn limit_unsent(socket: &TcpStream, bytes: u32) -> io::Result<()> {
    SockRef::from(socket).set_tcp_notsent_lowat(bytes)
}

/// Does nothing, because this crate knows no TCP_NOTSENT_LOWAT on this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn limit_unsent(_: &TcpStream, _: u32) -> io::Result<()> {
    Ok(())
}
