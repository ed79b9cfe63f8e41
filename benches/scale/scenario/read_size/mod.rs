//! How large a block must be for a socket to be read well.

mod readers;

use std::{io::Write, net, sync::mpsc, thread, time::Duration};

use anyhow::Context;
use bytes::BytesMut;
use leasehold::{ChainMut, Pool, io::ChainReader};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::codec::{BytesCodec, FramedRead};

use self::readers::{Chained, Kept, Reader, Several, Single};
use super::Scenario;
use crate::{
    bench::Bench,
    calls,
    curve::Curve,
    figures::Figures,
    host::{Post, Service},
    median::median,
    plot::{Lines, Plot},
    row::{Better, Measure},
    server::Server,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

static CPU: Measure = Measure::new("CPU of a MiB", "us", Better::Less);
static CLOCK: Measure = Measure::new("time of a MiB", "us", Better::Less);
static CALLS: Measure = Measure::new("calls of a MiB", "", Better::Less);
static QUEUED: Measure = Measure::new("queued before", "KiB", Better::Neither);
static SO_RCVBUF: Measure = Measure::new("SO_RCVBUF", "KiB", Better::Neither);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "read-size",
    about: "reading 1 MiB that is queued in a socket, by the length of a block or buffer",
    steps: (SESSIONS * CASES.len() * LENS.len() * VARIANTS.len()) as u64,
    run,
    serve,
    plots: &[
        Plot::Lines(Lines {
            file: TIME_PLOT,
            title: "Reading what is queued, while nothing comes",
            x: "length of a block or buffer, KiB",
            y: "microseconds of the processor for 1 MiB",
        }),
        Plot::Lines(Lines {
            file: CALLS_PLOT,
            title: "Reading what is queued: system calls",
            x: "length of a block or buffer, KiB",
            y: "calls for 1 MiB",
        }),
    ],
};

const TIME_PLOT: &str = "read-size-time.svg";
const CALLS_PLOT: &str = "read-size-calls.svg";

/// Over loopback, a call that tells a sender of room does a part of the sender's work too. So the
/// first case is what reading alone takes, and the second one how it is between processes of one
/// machine. A round of that is several times what the socket holds, for nobody sends while a full
/// one is read.
const CASES: [Case; 2] = [
    Case { name: "the sender waits", sender: Sender::Waits, round_len: MIB, rounds: 30 },
    Case { name: "the sender goes on", sender: Sender::GoesOn, round_len: 8 * MIB, rounds: 10 },
];

struct Case {
    name: &'static str,
    sender: Sender,
    /// Bytes.
    round_len: usize,
    /// On each connection.
    rounds: usize,
}

/// What the sender does while a round is read.
#[derive(Clone, Copy)]
enum Sender {
    /// It has sent what is read, and nothing else.
    Waits,
    /// It writes all the time: it waits in the kernel for room, and goes on as soon as there is
    /// some.
    GoesOn,
}

const LENS: [usize; 5] = [4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB];

const VARIANTS: [&str; 6] = [
    "BytesMut that is kept, read_buf",
    "tokio-util FramedRead, BytesCodec",
    "leasehold, a block a read",
    "leasehold, eight blocks a read",
    "leasehold, as many as TCP_INQ tells",
    "leasehold ChainReader",
];

// ---- the servers --------------------------------------------------------------------------------

const BUDGET: usize = 64 << 20;

/// What the sockets are given to receive into; the kernel makes it twice as much, and keeps some
/// for itself.
const RECEIVE_LEN: usize = MIB;

/// Is started as `VARIANT/LENGTH`.
fn serve(variant: &str, post: Post) -> Service {
    let (variant, len) = variant.rsplit_once('/').expect("a variant and a length");
    let len = len.parse().expect("a length");
    // Sockets that are accepted have it too; the window is agreed upon before that.
    SockRef::from(&post.listener).set_recv_buffer_size(RECEIVE_LEN).expect("a size");
    match variant {
        "BytesMut that is kept, read_buf" => Service::stock(rounds(post, move |stream| Kept {
            stream,
            buf: BytesMut::with_capacity(len),
        })),
        "tokio-util FramedRead, BytesCodec" => Service::stock(rounds(post, move |stream| {
            FramedRead::with_capacity(stream, BytesCodec::new(), len)
        })),
        _ => ours(variant, len, post),
    }
}

fn ours(variant: &str, len: usize, post: Post) -> Service {
    let pool =
        Pool::builder().budget(BUDGET).classes([len]).build().expect("the budget can be reserved");
    let leases = pool.clone();
    match variant {
        "leasehold, a block a read" => {
            Service::ours(&pool, rounds(post, move |stream| Single { stream, pool: leases, len }))
        }
        "leasehold, eight blocks a read" => Service::ours(
            &pool,
            rounds(post, move |stream| Several { stream, pool: leases, len, left: None }),
        ),
        "leasehold, as many as TCP_INQ tells" => {
            Service::ours(&pool, rounds(post, move |stream| Several::told(stream, leases, len)))
        }
        "leasehold ChainReader" => Service::ours(
            &pool,
            rounds(post, move |stream| Chained {
                stream,
                chain: ChainMut::new(&leases),
                reader: ChainReader::new(),
            }),
        ),
        other => unreachable!("{other} is no variant"),
    }
}

/// Takes one connection; each order is how much a round has. The answer is how many bytes were
/// queued before, how many there is room for, and the figures.
async fn rounds<R: Reader>(mut post: Post, reader: impl FnOnce(TcpStream) -> R) {
    let (stream, _) = post.listener.accept().await.expect("a connection");
    let room = SockRef::from(&stream).recv_buffer_size().expect("a socket");
    let mut reader = reader(stream);
    while let Some(order) = post.orders.recv().await {
        let mut left: usize = order.parse().expect("a length");
        let queued = full(reader.stream()).await;
        let before = Figures::here(None);
        while left > 0 {
            let count = reader.read().await.expect("the sender is there");
            assert!(count > 0, "the sender goes on for ever");
            left = left.saturating_sub(count);
        }
        println!("{queued} {room} {}", Figures::here(None) - before);
    }
}

/// Waits until no more comes; returns how many bytes are there.
async fn full(stream: &TcpStream) -> usize {
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = calls::queued(stream);
        if now > 0 && now == before {
            return now;
        }
        before = now;
    }
}

// ---- the sender ---------------------------------------------------------------------------------

/// What the sender writes at once, so that it is not the slower one.
const WRITE_LEN: usize = 256 * KIB;

/// How many connections each reader has, in turns. One connection is faster than another, so one
/// would not do.
const SESSIONS: usize = 3;

/// In the first ones the kernel's buffers are growing.
const WARM_ROUNDS: usize = 4;

fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let writer = writer();
    let (mut times, mut calls) = (VARIANTS.map(|_| Vec::new()), VARIANTS.map(|_| Vec::new()));
    for case in CASES {
        let rounds_each = WARM_ROUNDS + if bench.is_measured() { case.rounds } else { 1 };
        for len in LENS {
            let kib = (len / KIB) as f64;
            let mut rounds = VARIANTS.map(|_| Vec::new());
            for _ in 0..SESSIONS {
                for (variant, rounds) in VARIANTS.into_iter().zip(&mut rounds) {
                    bench.step(&format!("{variant}, {kib} KiB, {}", case.name));
                    let drained = drain(
                        bench.server(&format!("{variant}/{len}"))?,
                        &case,
                        &writer,
                        rounds_each,
                    )?;
                    rounds.extend(drained.into_iter().skip(WARM_ROUNDS));
                }
            }
            for (index, variant) in VARIANTS.into_iter().enumerate() {
                let values = values(&rounds[index]);
                // While it goes on, one connection is faster than another by more than the length
                // matters: that is no curve.
                if let Sender::Waits = case.sender {
                    times[index].push((kib, values[0].1));
                    calls[index].push((kib, values[2].1));
                }
                bench.row(format!("{kib} KiB, {}", case.name), variant, 1, values);
            }
        }
    }
    for (plot, curves) in [(TIME_PLOT, times), (CALLS_PLOT, calls)] {
        for (variant, points) in VARIANTS.into_iter().zip(curves) {
            bench.curve(Curve { plot, variant, connections: 1, points });
        }
    }
    Ok(())
}

fn values(rounds: &[Round]) -> [(&'static Measure, f64); 5] {
    let middle = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    [
        (&CPU, middle(|round| round.of_a_mib(round.figures.cpu * 1e6))),
        (&CLOCK, middle(|round| round.of_a_mib(round.figures.clock * 1e6))),
        (&CALLS, middle(|round| round.of_a_mib(round.figures.reads))),
        (&QUEUED, middle(|round| round.queued / KIB as f64)),
        (&SO_RCVBUF, middle(|round| round.room / KIB as f64)),
    ]
}

/// What a server tells of a round: bytes that were queued before, bytes that there is room for, and
/// figures.
struct Round {
    queued: f64,
    room: f64,
    figures: Figures,
}

impl Round {
    fn of_a_mib(&self, figure: f64) -> f64 {
        figure / (self.figures.read_bytes / MIB as f64)
    }
}

/// So many rounds on one connection.
fn drain(
    mut server: Server,
    case: &Case,
    writer: &mpsc::Sender<net::TcpStream>,
    rounds: usize,
) -> anyhow::Result<Vec<Round>> {
    // Its answer says that it serves, and so that what its sockets have to receive into is set.
    server.figures()?;
    let mut stream = net::TcpStream::connect(server.address())?;
    match case.sender {
        Sender::Waits => {
            let bytes = vec![b'x'; case.round_len];
            let sent = (0..rounds).map(|_| Ok(stream.write_all(&bytes)?));
            sent.map(|sent| sent.and_then(|()| round(&mut server, case.round_len))).collect()
        }
        Sender::GoesOn => {
            writer.send(stream)?;
            (0..rounds).map(|_| round(&mut server, case.round_len)).collect()
        }
    }
}

/// A thread that writes to one socket after the other, to each until its server is gone.
fn writer() -> mpsc::Sender<net::TcpStream> {
    let (sender, streams) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in streams {
            while net::TcpStream::write_all(&mut stream, &[b'x'; WRITE_LEN]).is_ok() {}
        }
    });
    sender
}

fn round(server: &mut Server, len: usize) -> anyhow::Result<Round> {
    let answer = server.order(&len.to_string())?;
    let mut words = answer.splitn(3, ' ');
    let mut word = || words.next().context("a round has three parts");
    Ok(Round { queued: word()?.parse()?, room: word()?.parse()?, figures: word()?.parse()? })
}
