//! Reading and writing a socket in blocks, against one buffer as long as the message.

mod link;
mod ratios;

use std::{
    cell::RefCell,
    hint::black_box,
    io::{Read, Write},
    net::TcpStream as StdStream,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use leasehold::{
    Account, Chain, ChainMut, Pool,
    io::{ChainReader, write_all_buf},
};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
};

use crate::{
    link::connected,
    ratios::{Case, Run, measure},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const BLOCK_LEN: usize = 64 * KIB;

fn main() {
    measure(&cases());
}

fn cases() -> Vec<Case> {
    let link = Rc::new(Link::new());
    let pool = Pool::new(64 * MIB).expect("64 MiB can be reserved");
    vec![
        draining(&link, &pool.account("read", 16 * MIB)),
        writing(&link, &pool.account("written", 16 * MIB)),
    ]
}

/// 1 MiB is queued in a socket; only taking it out is measured.
fn draining(link: &Rc<Link>, pool: &Account) -> Case {
    Case {
        group: "drain_1MiB",
        runs: vec![
            drained("ChainReader", link, Blocks::parked(pool)),
            drained("Intake_of_a_new_connection", link, Blocks::anew(pool)),
            drained("read_buf_8KiB", link, OneBuffer::of(8 * KIB)),
            drained("read_buf_64KiB", link, OneBuffer::of(64 * KIB)),
            drained("read_buf_1MiB", link, OneBuffer::of(MIB)),
            drained("try_read_1MiB", link, OneRead(vec![0; MIB])),
        ],
    }
}

fn drained(name: &str, link: &Rc<Link>, by: impl Drain + 'static) -> Run {
    let (link, by) = (Rc::clone(link), RefCell::new(by));
    Run::new(name, move |rounds| link.drained(rounds, &mut *by.borrow_mut()))
}

/// A socket takes 1 MiB at once; only that is measured.
fn writing(link: &Rc<Link>, pool: &Account) -> Case {
    let blocks: Chain = (0..MIB / BLOCK_LEN)
        .map(|_| {
            let mut block = pool.try_lease(BLOCK_LEN).expect("the budget is ample");
            block.put_bytes(7, BLOCK_LEN);
            block
        })
        .collect();
    let whole = Bytes::from(vec![7; MIB]);
    let run = |name: &str, write: fn(&Link, Chain, u64) -> Duration, message: Chain| {
        let link = Rc::clone(link);
        Run::new(name, move |rounds| write(&link, message.clone(), rounds))
    };
    let buf: fn(&Link, Chain, u64) -> Duration = |link, message, rounds| {
        link.written(
            rounds,
            || message.clone(),
            async |io, mut message| {
                write_all_buf(io, &mut message).await.expect("the reader is there");
            },
        )
    };
    Case {
        group: "write_1MiB",
        runs: vec![
            run("write_all_buf_16_blocks", buf, blocks),
            run("write_all_buf_one_piece", buf, Chain::from(whole.clone())),
            run(
                "write_all_one_slice",
                |link, message, rounds| {
                    let slice = message.segments().next().map(AsRef::as_ref).unwrap_or_default();
                    link.written(
                        rounds,
                        || slice,
                        async |io, slice| {
                            io.write_all(slice).await.expect("the reader is there");
                        },
                    )
                },
                Chain::from(whole),
            ),
        ],
    }
}

/// Both ends of a connection, and the runtime of the one that reads.
struct Link {
    runtime: Runtime,
    near: RefCell<TcpStream>,
    far: StdStream,
    message: Vec<u8>,
}

/// How 1 MiB is taken out of a socket.
trait Drain {
    /// Before the message comes.
    fn wait(&mut self, _: &mut TcpStream) {}

    async fn drain(&mut self, io: &mut TcpStream);
}

impl Link {
    fn new() -> Self {
        let (near, far) = connected();
        let runtime = runtime();
        near.set_nonblocking(true).expect("a socket");
        let near = runtime
            .block_on(async { TcpStream::from_std(near) })
            .expect("a runtime takes a socket");
        Self { runtime, near: near.into(), far, message: vec![7; MIB] }
    }

    fn drained(&self, rounds: u64, by: &mut impl Drain) -> Duration {
        let io = &mut *self.near.borrow_mut();
        self.runtime.block_on(async {
            let mut draining = Duration::ZERO;
            for _ in 0..rounds {
                by.wait(io);
                (&self.far).write_all(&self.message).expect("the socket takes all of it");
                while queued(io) < MIB {
                    thread::yield_now();
                }
                io.readable().await.expect("the socket lives");
                let start = Instant::now();
                by.drain(io).await;
                draining += start.elapsed();
            }
            draining
        })
    }

    fn written<M>(
        &self,
        rounds: u64,
        message: impl Fn() -> M,
        write: impl AsyncFn(&mut TcpStream, M),
    ) -> Duration {
        let io = &mut *self.near.borrow_mut();
        let mut sink = vec![0; MIB];
        self.runtime.block_on(async {
            let mut writing = Duration::ZERO;
            for _ in 0..rounds {
                let message = message();
                let start = Instant::now();
                write(io, message).await;
                writing += start.elapsed();
                (&self.far).read_exact(&mut sink).expect("the message comes");
            }
            writing
        })
    }
}

/// Ours: into a chain, whose blocks go home when it is complete.
struct Blocks {
    chain_reader: ChainReader,
    chain: ChainMut,
    is_new: bool,
}

impl Blocks {
    /// One connection for all messages, which waits for each: what it remembers of the one before
    /// is what parking leaves of it.
    fn parked(pool: &Account) -> Self {
        Self { chain_reader: ChainReader::new(), chain: ChainMut::new(pool), is_new: false }
    }

    /// Each message is the first of its connection, as far as the reader knows.
    fn anew(pool: &Account) -> Self {
        Self { is_new: true, ..Self::parked(pool) }
    }
}

impl Drain for Blocks {
    fn wait(&mut self, io: &mut TcpStream) {
        if self.is_new {
            self.chain_reader = ChainReader::new();
        }
        let read = self.chain_reader.read(io, &mut self.chain).now_or_never();
        assert!(read.is_none(), "nothing has come yet");
    }

    async fn drain(&mut self, io: &mut TcpStream) {
        while self.chain.len() < MIB {
            self.chain_reader.read(io, &mut self.chain).await.expect("the message is there");
        }
        let whole = self.chain.split().freeze();
        self.chain.release_room();
        drop(black_box(whole));
    }
}

/// A buffer that is used again and again, with tokio's reading.
struct OneBuffer(BytesMut);

impl OneBuffer {
    fn of(len: usize) -> Self {
        Self(BytesMut::with_capacity(len))
    }
}

impl Drain for OneBuffer {
    async fn drain(&mut self, io: &mut TcpStream) {
        let mut left = MIB;
        while left > 0 {
            self.0.clear();
            left -= io.read_buf(&mut self.0).await.expect("the message is there");
            black_box(&self.0);
        }
    }
}

/// As few calls as can be: one.
struct OneRead(Vec<u8>);

impl Drain for OneRead {
    async fn drain(&mut self, io: &mut TcpStream) {
        let mut left = MIB;
        while left > 0 {
            io.readable().await.expect("the socket lives");
            left -= io.try_read(&mut self.0[..left]).expect("the message is there");
            black_box(&self.0);
        }
    }
}

/// How many bytes wait in a socket; not more than a message.
fn queued(io: &TcpStream) -> usize {
    let mut nothing = Vec::with_capacity(MIB);
    SockRef::from(io).recv_with_flags(nothing.spare_capacity_mut(), COUNT).unwrap_or(0)
}

/// Linux counts what it would cut off, and copies nothing: the caches stay as they are.
#[cfg(target_os = "linux")]
const COUNT: i32 = libc::MSG_PEEK | libc::MSG_TRUNC;
/// MSG_PEEK, by another name on no system.
#[cfg(not(target_os = "linux"))]
const COUNT: i32 = 2;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
