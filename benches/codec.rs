//! Length-delimited frames against tokio-util's codec on `BytesMut`: the codec alone, and an echo over a socket.

mod ratios;

use std::{
    cell::RefCell,
    convert::identity,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{FutureExt, Sink, Stream, StreamExt, TryStreamExt, future::LocalBoxFuture};
use leasehold::{
    ChainMut, Pool,
    codec::{self, Decoder as _, Encoder as _, HEAD_ROOM},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::{LocalSet, spawn_local},
};
use tokio_util::codec::{self as util, Decoder as _, Encoder as _};

use crate::ratios::{Case, Run, measure};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const HEAD_LEN: usize = 4;

/// How many frames are on their way at once where they do not wait for each other.
const IN_FLIGHT: usize = 64;

fn main() {
    // For glibc, as if there had been a second thread; see the benches of leases.
    thread::spawn(|| ()).join().expect("an empty thread does not panic");
    // The blocks that reading uses: a chain of theirs is what a frame arrives in.
    let pool = Pool::builder().budget(64 * MIB).classes([KIB, 4 * KIB, 20 * KIB, 64 * KIB]).build();
    let pool = pool.expect("64 MiB can be reserved");
    let mut cases = vec![
        decoding("decode/64B_of_4KiB", &pool, 64, 4 * KIB),
        decoding("decode/64B_of_64KiB", &pool, 64, 64 * KIB),
        decoding("decode/4KiB_of_64KiB", &pool, 4 * KIB, 64 * KIB),
        decoding("decode/64KiB", &pool, 64 * KIB, 0),
        decoding("decode/1MiB", &pool, MIB, 0),
        encoding("encode/64B", &pool, 64),
        encoding("encode/4KiB", &pool, 4 * KIB),
        encoding("encode/64KiB", &pool, 64 * KIB),
        encoding("encode/1MiB", &pool, MIB),
    ];
    cases.extend([
        echoing("echo/64B", &pool, 64, 1),
        echoing("echo/4KiB", &pool, 4 * KIB, 1),
        echoing("echo/64KiB", &pool, 64 * KIB, 1),
        echoing("echo/1MiB", &pool, MIB, 1),
        echoing("echo_64_in_flight/64B", &pool, 64, IN_FLIGHT),
        echoing("echo_64_in_flight/4KiB", &pool, 4 * KIB, IN_FLIGHT),
    ]);
    measure(&cases);
}

// ---- the codec alone -------------------------------------------------------------------------------------------------------

/// Takes frames out of bytes that have been read, at most `wire_len` of them or one frame; a round is one frame.
fn decoding(group: &'static str, pool: &Pool, len: usize, wire_len: usize) -> Case {
    let count = (wire_len / (HEAD_LEN + len)).max(1);
    let wire = frame(len).repeat(count);
    let (pool, bytes) = (pool.clone(), wire.clone());
    Case {
        group,
        runs: vec![
            Run::new("leasehold", move |rounds| {
                let mut codec = codec::LengthDelimitedCodec::new();
                let received = || {
                    let mut chain = pool.try_chain(wire.len()).expect("the budget is ample");
                    chain.put_slice(&wire);
                    chain
                };
                decoded(rounds, count, received, |src| codec.decode(src).expect("frames"))
            }),
            Run::new("tokio_util", move |rounds| {
                let mut codec = util::LengthDelimitedCodec::new();
                decoded(rounds, count, || BytesMut::from(&bytes[..]), |src| codec.decode(src).expect("frames"))
            }),
        ],
    }
}

fn decoded<B: Buf, F>(
    rounds: u64,
    count: usize,
    received: impl Fn() -> B,
    mut decode: impl FnMut(&mut B) -> Option<F>,
) -> Duration {
    let mut decoding = Duration::ZERO;
    for _ in 0..rounds.div_ceil(count as u64) {
        let mut src = received();
        let start = Instant::now();
        while let Some(frame) = decode(&mut src) {
            drop(black_box(frame));
        }
        decoding += start.elapsed();
        assert!(!src.has_remaining());
    }
    decoding
}

/// Puts a shared payload behind its head, as a sink does, and takes it as sent; a round is one frame.
fn encoding(group: &'static str, pool: &Pool, len: usize) -> Case {
    let payload = Bytes::from(vec![7; len]);
    let (pool, linked) = (pool.clone(), payload.clone());
    Case {
        group,
        runs: vec![
            Run::new("leasehold", move |rounds| {
                let mut codec = codec::LengthDelimitedCodec::new();
                let mut dst = ChainMut::new(&pool);
                let start = Instant::now();
                for _ in 0..rounds {
                    dst.try_reserve(HEAD_ROOM).expect("the budget is ample");
                    codec.encode(black_box(linked.clone()), &mut dst).expect("a fair length");
                    dst.advance(black_box(&dst).len());
                    dst.release_room();
                }
                start.elapsed()
            }),
            Run::new("tokio_util", move |rounds| {
                let mut codec = util::LengthDelimitedCodec::new();
                let mut dst = BytesMut::with_capacity(8 * KIB);
                let start = Instant::now();
                for _ in 0..rounds {
                    codec.encode(black_box(payload.clone()), &mut dst).expect("a fair length");
                    dst.advance(black_box(&dst).len());
                }
                start.elapsed()
            }),
        ],
    }
}

// ---- an echo ---------------------------------------------------------------------------------------------------------------

/// A round is one frame, there and back.
fn echoing(group: &'static str, pool: &Pool, len: usize, in_flight: usize) -> Case {
    let pool = pool.clone();
    let run = |name, echo: fn(TcpStream, Pool) -> LocalBoxFuture<'static, ()>| {
        let link = RefCell::new(Link::new(len, in_flight, |io| echo(io, pool.clone())));
        Run::new(name, move |rounds| link.borrow_mut().exchanged(rounds))
    };
    Case {
        group,
        runs: vec![
            run("leasehold", |io, pool| {
                let framed = codec::Framed::new(io, codec::LengthDelimitedCodec::new(), &pool);
                echo(framed, identity).boxed_local()
            }),
            run("leasehold_compat", |io, _| {
                let framed = codec::compat::Framed::new(io, util::LengthDelimitedCodec::new());
                echo(framed, BytesMut::freeze).boxed_local()
            }),
            run("tokio_util", |io, _| {
                let framed = util::Framed::new(io, util::LengthDelimitedCodec::new());
                echo(framed, BytesMut::freeze).boxed_local()
            }),
        ],
    }
}

/// Sends each frame back, and flushes when there is no other.
async fn echo<T, F, I, E>(framed: T, reply: impl Fn(F) -> I)
where
    T: Stream<Item = Result<F, E>> + Sink<I, Error = E>,
    E: std::fmt::Debug,
{
    let (sink, stream) = framed.split();
    stream.map_ok(reply).forward(sink).await.expect("the client is fair");
}

/// A client that is a plain socket, the same for all, and a server in the same thread and runtime: what is measured is the work of both.
/// On two threads it would be how the system wakes them: 7 us or 40 us for the same 4 KiB, by the core that it chooses.
struct Link {
    runtime: Runtime,
    local: LocalSet,
    io: TcpStream,
    frames: Vec<u8>,
    replies: Vec<u8>,
    in_flight: usize,
}

impl Link {
    fn new(len: usize, in_flight: usize, serve: impl FnOnce(TcpStream) -> LocalBoxFuture<'static, ()>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let local = LocalSet::new();
        let io = local.block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let io = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a listener");
            let (served, _) = listener.accept().await.expect("a connection");
            io.set_nodelay(true).and_then(|()| served.set_nodelay(true)).expect("a socket");
            spawn_local(serve(served));
            io
        });
        let frames = frame(len).repeat(in_flight);
        Self { runtime, local, io, replies: vec![0; frames.len()], frames, in_flight }
    }

    fn exchanged(&mut self, rounds: u64) -> Duration {
        let Self { runtime, local, io, frames, replies, in_flight } = self;
        let took = local.block_on(runtime, async {
            let start = Instant::now();
            for _ in 0..rounds.div_ceil(*in_flight as u64) {
                io.write_all(frames).await.expect("the server is there");
                io.read_exact(replies).await.expect("the server is there");
            }
            start.elapsed()
        });
        assert!(replies == frames, "an echo");
        took
    }
}

fn frame(len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_LEN + len);
    frame.put_u32(u32::try_from(len).expect("a length of four bytes"));
    frame.put_bytes(7, len);
    frame
}
