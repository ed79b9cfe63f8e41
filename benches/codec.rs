//! Length-delimited frames against tokio-util's codec on `BytesMut`: the codec alone, and an echo
//! over a socket.

mod link;
mod ratios;

use std::{
    cell::Cell,
    convert::identity,
    future::poll_fn,
    hint::black_box,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{
    FutureExt, Sink, SinkExt, Stream, StreamExt, TryStreamExt, future::LocalBoxFuture,
};
use leasehold::{
    ChainMut, Pool,
    codec::{self, Decoder as _, Encoder as _, HEAD_ROOM},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::{LocalSet, spawn_local},
};
use tokio_util::codec::{self as util, Decoder as _, Encoder as _};

use crate::{
    link::connected,
    ratios::{Case, Run, measure},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const HEAD_LEN: usize = 4;

/// How many frames are on their way at once where they do not wait for each other.
const IN_FLIGHT: usize = 64;

/// How many exchanges a connection is warmed up by.
const WARM: u64 = 4;

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
        echoing_server("echo_server_only/64B", &pool, 64),
        echoing_server("echo_server_only/4KiB", &pool, 4 * KIB),
        echoing_server("echo_server_only/64KiB", &pool, 64 * KIB),
        echoing_server("echo_server_only/1MiB", &pool, MIB),
        echoing_both("echo_both_ends/64B", &pool, 64),
        echoing_both("echo_both_ends/4KiB", &pool, 4 * KIB),
        echoing_both("echo_both_ends/64KiB", &pool, 64 * KIB),
        echoing_both("echo_both_ends/1MiB", &pool, MIB),
    ]);
    measure(&cases);
}

// ---- the codec alone ----------------------------------------------------------------------------

/// Takes frames out of bytes that have been read, at most `wire_len` of them or one frame; a round
/// is one frame.
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
                decoded(
                    rounds,
                    count,
                    || BytesMut::from(&bytes[..]),
                    |src| codec.decode(src).expect("frames"),
                )
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

/// Puts a shared payload behind its head, as a sink does, and takes it as sent; a round is one
/// frame.
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

// ---- an echo ------------------------------------------------------------------------------------

struct Rival {
    name: &'static str,
    /// Sends back what comes.
    serve: fn(TcpStream, &Pool) -> LocalBoxFuture<'static, ()>,
    /// A client of the same kind, and what it sends.
    client: fn(TcpStream, &Pool, Bytes) -> Box<dyn Client>,
}

static RIVALS: [Rival; 3] = [
    Rival {
        name: "leasehold",
        serve: |io, pool| echo(framed(io, pool), identity).boxed_local(),
        client: |io, pool, payload| Box::new(Frames { framed: framed(io, pool), payload }),
    },
    Rival {
        name: "leasehold_compat",
        serve: |io, _| echo(framed_compat(io), BytesMut::freeze).boxed_local(),
        client: |io, _, payload| Box::new(Frames { framed: framed_compat(io), payload }),
    },
    Rival {
        name: "tokio_util",
        serve: |io, _| echo(framed_util(io), BytesMut::freeze).boxed_local(),
        client: |io, _, payload| Box::new(Frames { framed: framed_util(io), payload }),
    },
];

fn framed(io: TcpStream, pool: &Pool) -> codec::Framed<TcpStream, codec::LengthDelimitedCodec> {
    codec::Framed::new(io, codec::LengthDelimitedCodec::new(), pool)
}

fn framed_compat(io: TcpStream) -> codec::compat::Framed<TcpStream, util::LengthDelimitedCodec> {
    codec::compat::Framed::new(io, util::LengthDelimitedCodec::new())
}

fn framed_util(io: TcpStream) -> util::Framed<TcpStream, util::LengthDelimitedCodec> {
    util::Framed::new(io, util::LengthDelimitedCodec::new())
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

/// The client is a plain socket, the same for all: its work is in all figures, and brings the
/// ratios closer to 1.
fn echoing(group: &'static str, pool: &Pool, len: usize, in_flight: usize) -> Case {
    echo_case(group, pool, Link::exchanged, move |_, io, _| {
        let frames = frame(len).repeat(in_flight);
        Box::new(Plain { io, replies: vec![0; frames.len()], frames, in_flight })
    })
}

/// The same client, but only the time in which the server is polled counts: what the codec and its
/// transport make of it.
fn echoing_server(group: &'static str, pool: &Pool, len: usize) -> Case {
    echo_case(group, pool, Link::served, move |_, io, _| {
        let frames = frame(len);
        Box::new(Plain { io, replies: vec![0; frames.len()], frames, in_flight: 1 })
    })
}

/// Both ends are of one kind.
fn echoing_both(group: &'static str, pool: &Pool, len: usize) -> Case {
    echo_case(group, pool, Link::exchanged, move |rival, io, pool| {
        (rival.client)(io, pool, vec![7; len].into())
    })
}

/// A round is one frame, there and back.
fn echo_case(
    group: &'static str,
    pool: &Pool,
    measured: fn(&mut Link, u64) -> Duration,
    client: impl Fn(&Rival, TcpStream, &Pool) -> Box<dyn Client> + Clone + 'static,
) -> Case {
    let run = |rival: &'static Rival| {
        let (pool, client) = (pool.clone(), client.clone());
        Run::new(rival.name, move |rounds| {
            // A new one for each try: where its buffers lie decides over the caches, by a factor of
            // 2 with 1 MiB.
            let mut link = Link::new(|io| (rival.serve)(io, &pool), |io| client(rival, io, &pool));
            link.exchanged(WARM * link.client.in_flight());
            measured(&mut link, rounds)
        })
    };
    Case { group, runs: RIVALS.iter().map(run).collect() }
}

trait Client {
    /// How many frames are sent before a reply is waited for.
    fn in_flight(&self) -> u64;

    fn exchange(&mut self) -> LocalBoxFuture<'_, ()>;
}

struct Plain {
    io: TcpStream,
    frames: Vec<u8>,
    replies: Vec<u8>,
    in_flight: usize,
}

impl Client for Plain {
    fn in_flight(&self) -> u64 {
        self.in_flight as u64
    }

    fn exchange(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            self.io.write_all(&self.frames).await.expect("the server is there");
            self.io.read_exact(&mut self.replies).await.expect("the server is there");
            assert_eq!(self.replies.last(), self.frames.last());
        })
    }
}

struct Frames<T> {
    framed: T,
    payload: Bytes,
}

impl<T, F, E> Client for Frames<T>
where
    T: Stream<Item = Result<F, E>> + Sink<Bytes, Error = E> + Unpin,
    F: Buf,
    E: std::fmt::Debug,
{
    fn in_flight(&self) -> u64 {
        1
    }

    fn exchange(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            self.framed.send(self.payload.clone()).await.expect("the server is there");
            let reply = self.framed.next().await.expect("the server is there").expect("a frame");
            assert_eq!(reply.remaining(), self.payload.len());
        })
    }
}

/// A client and a server in one thread and one runtime: what is measured is the work of both. On
/// two threads it would be how the system wakes them: 7 us or 40 us for the same 4 KiB, by the core
/// that it chooses.
struct Link {
    runtime: Runtime,
    local: LocalSet,
    client: Box<dyn Client>,
    /// How long the server has been polled.
    serving: Rc<Cell<Duration>>,
}

impl Link {
    fn new(
        serve: impl FnOnce(TcpStream) -> LocalBoxFuture<'static, ()>,
        client: impl FnOnce(TcpStream) -> Box<dyn Client>,
    ) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let local = LocalSet::new();
        let serving = Rc::new(Cell::new(Duration::ZERO));
        let polled_for = Rc::clone(&serving);
        let client = local.block_on(&runtime, async {
            let (near, far) = connected();
            let [near, far] = [near, far].map(|io| {
                io.set_nonblocking(true).and_then(|()| io.set_nodelay(true)).expect("a socket");
                TcpStream::from_std(io).expect("a runtime takes a socket")
            });
            let mut echo = serve(near);
            spawn_local(poll_fn(move |cx| {
                let start = Instant::now();
                let polled = echo.poll_unpin(cx);
                polled_for.set(polled_for.get() + start.elapsed());
                polled
            }));
            client(far)
        });
        Self { runtime, local, client, serving }
    }

    fn exchanged(&mut self, rounds: u64) -> Duration {
        let client = &mut self.client;
        self.local.block_on(&self.runtime, async {
            let start = Instant::now();
            for _ in 0..rounds.div_ceil(client.in_flight()) {
                client.exchange().await;
            }
            start.elapsed()
        })
    }

    /// Of an exchange, what the server takes.
    fn served(&mut self, rounds: u64) -> Duration {
        self.serving.take();
        self.exchanged(rounds);
        self.serving.take()
    }
}

fn frame(len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_LEN + len);
    frame.put_u32(u32::try_from(len).expect("a length of four bytes"));
    frame.put_bytes(7, len);
    frame
}
