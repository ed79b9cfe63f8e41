//! Ways to read a socket.

use std::{io, mem::MaybeUninit, os::fd::AsRawFd};

use bytes::BytesMut;
use futures_util::StreamExt;
use leasehold::{BlockMut, ChainMut, Pool, io::ChainReader};
use socket2::{MaybeUninitSlice, MsgHdrMut, SockRef};
use tokio::{
    io::{AsyncReadExt, Interest},
    net::TcpStream,
};
use tokio_util::codec::{BytesCodec, FramedRead};

/// Reads whatever there is, and lets go of it.
pub(super) trait Reader {
    fn stream(&self) -> &TcpStream;

    /// How many bytes came.
    async fn read(&mut self) -> io::Result<usize>;
}

/// The kernel keeps eight slices of a call on its stack, and allocates for more.
const SLICES_MAX: usize = 8;

pub(super) struct Kept {
    pub(super) stream: TcpStream,
    pub(super) buf: BytesMut,
}

impl Reader for Kept {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buf.clear();
        self.stream.read_buf(&mut self.buf).await
    }
}

impl Reader for FramedRead<TcpStream, BytesCodec> {
    fn stream(&self) -> &TcpStream {
        self.get_ref()
    }

    async fn read(&mut self) -> io::Result<usize> {
        Ok(self.next().await.transpose()?.map_or(0, |bytes| bytes.len()))
    }
}

pub(super) struct Single {
    pub(super) stream: TcpStream,
    pub(super) pool: Pool,
    pub(super) len: usize,
}

impl Reader for Single {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn read(&mut self) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            let mut block = self.pool.try_lease(self.len).expect("the budget is ample");
            match self.stream.try_read_buf(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Reads into several blocks with one call.
pub(super) struct Several {
    pub(super) stream: TcpStream,
    pub(super) pool: Pool,
    pub(super) len: usize,
    /// What the last call has left in the socket, if it tells.
    pub(super) left: Option<usize>,
}

impl Several {
    /// A socket that tells with each call what is left.
    pub(super) fn told(stream: TcpStream, pool: Pool, len: usize) -> Self {
        let yes: libc::c_int = 1;
        let (yes_ptr, yes_len) = ((&raw const yes).cast(), size_of_val(&yes) as libc::socklen_t);
        // SAFETY: the option takes an int; it and the descriptor are alive during the call.
        let answer = unsafe {
            libc::setsockopt(stream.as_raw_fd(), libc::SOL_TCP, libc::TCP_INQ, yes_ptr, yes_len)
        };
        assert_eq!(answer, 0, "Linux has it since 4.18");
        Self { stream, pool, len, left: None }
    }
}

impl Reader for Several {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn read(&mut self) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            let wanted =
                self.left.map_or(SLICES_MAX, |left| left.div_ceil(self.len).clamp(1, SLICES_MAX));
            let mut blocks: [Option<BlockMut>; SLICES_MAX] = std::array::from_fn(|index| {
                (index < wanted)
                    .then(|| self.pool.try_lease(self.len).expect("the budget is ample"))
            });
            match self.stream.try_io(Interest::READABLE, || receive(&self.stream, &mut blocks)) {
                Ok((count, left)) => {
                    self.left = left;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// One call; returns how many bytes came, and how many are left, if the socket tells.
fn receive(
    stream: &TcpStream,
    blocks: &mut [Option<BlockMut>],
) -> io::Result<(usize, Option<usize>)> {
    // The head of a control message and an int, both padded to the longest alignment.
    const HEAD_LEN: usize = size_of::<libc::cmsghdr>();
    let mut control = [MaybeUninit::new(0); HEAD_LEN + 16];
    let mut slices: [_; SLICES_MAX] = std::array::from_fn(|_| MaybeUninitSlice::new(&mut []));
    let mut slice_count = 0;
    for (slice, block) in slices.iter_mut().zip(blocks.iter_mut().flatten()) {
        *slice = MaybeUninitSlice::new(block.spare_capacity_mut());
        slice_count += 1;
    }
    let mut message =
        MsgHdrMut::new().with_buffers(&mut slices[..slice_count]).with_control(&mut control);
    let count = SockRef::from(stream).recvmsg(&mut message, 0)?;
    let tells = message.control_len() > 0;
    // SAFETY: all of it was written, by zeros at least.
    let left = std::array::from_fn(|index| unsafe { control[HEAD_LEN + index].assume_init() });
    Ok((count, tells.then(|| i32::from_ne_bytes(left) as usize)))
}

/// As applications read.
pub(super) struct Chained {
    pub(super) stream: TcpStream,
    pub(super) chain: ChainMut,
    pub(super) reader: ChainReader,
}

impl Reader for Chained {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn read(&mut self) -> io::Result<usize> {
        let count = self.reader.read(&mut self.stream, &mut self.chain).await?;
        drop(self.chain.split());
        Ok(count)
    }
}
