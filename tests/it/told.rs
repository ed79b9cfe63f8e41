//! A refusal counts when somebody was told of it: what waits, or does without, is none.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::Bytes;
use futures_util::SinkExt;
use http_body_util::Full;
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    ChainMut, Pool,
    codec::{Framed, LinesCodec},
    http::{
        LeasedBody, ReaderBody, collect,
        serve::{RequestBody, from_hyper, serve},
    },
    io::{BufStream, ChainReader, copy_bidirectional},
    ws::{Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpListener,
    time::sleep,
};

const FILE_LEN: usize = 30_000;

/// A server of a file, with `budget` bytes; each body is so many blocks ahead, in an account of so
/// many bytes.
async fn start(budget: usize, ahead: usize, limit: usize) -> (Pool, SocketAddr) {
    let pool = Pool::new(budget).expect("a pool");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let blocks = pool.clone();
    let service = service_fn(move |_: Request<RequestBody>| {
        let account = blocks.account("file", limit);
        let body = ReaderBody::sized(&[b'x'; FILE_LEN][..], FILE_LEN as u64, &account).ahead(ahead);
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let server = serve(listener, from_hyper(service)).pool(&pool, 1 << 20).into_future();
    tokio::spawn(async { _ = server.await });
    (pool, address)
}

/// Fetches the file so often, one after the other on one connection.
fn fetch(address: SocketAddr, times: usize) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    for _ in 0..times {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").expect("the server reads");
        let mut heard = Vec::new();
        while !heard.ends_with(&[b'x'; 100])
            || heard.iter().filter(|&&byte| byte == b'x').count() < FILE_LEN
        {
            let mut piece = [0; 64 << 10];
            let count = stream.read(&mut piece).expect("an answer");
            assert!(count > 0, "the server hung up");
            heard.extend_from_slice(&piece[..count]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_fetched_refuse_nobody() {
    const TIMES: usize = 50;
    const BLOCK: usize = 64 << 10;
    for (budget, ahead, limit) in
        [(64 << 20, 4, 1 << 20), (64 << 20, 1, 1 << 20), (64 << 20, 4, BLOCK), (1 << 20, 4, BLOCK)]
    {
        let (pool, address) = start(budget, ahead, limit).await;
        let clients: Vec<_> =
            (0..20).map(|_| tokio::task::spawn_blocking(move || fetch(address, TIMES))).collect();
        for client in clients {
            client.await.expect("no panic");
        }
        assert_eq!(
            pool.stats().refused,
            0,
            "of {} requests, with {budget} bytes, {ahead} blocks, {limit} bytes each",
            20 * TIMES
        );
    }
}

/// A reader that waits for its own blocks, or for the pool, tells nobody.
#[tokio::test]
async fn what_waits_is_not_counted() {
    let pool = Pool::new(1 << 20).expect("a pool");
    let full = || -> Vec<_> { std::iter::from_fn(|| pool.try_lease(1).ok()).collect() };
    let release = |held| async {
        sleep(Duration::from_millis(100)).await;
        drop(held);
    };

    // An chain_reader, a relay, and a buffered stream that read.
    let (mut near, mut far) = duplex(100_000);
    far.write_all(&[1; 1000]).await.expect("room");
    let (held, before) = (full(), pool.stats().refused);
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let (count, ()) = tokio::join!(chain_reader.read(&mut near, &mut chain), release(held));
    assert_eq!((count.expect("bytes"), pool.stats().refused), (1000, before));
    drop(chain);

    far.write_all(&[1; 1000]).await.expect("room");
    let mut stream = BufStream::new(near, &pool);
    let (held, before) = (full(), pool.stats().refused);
    let mut room = [0; 1000];
    let (count, ()) = tokio::join!(stream.read_exact(&mut room), release(held));
    assert_eq!((count.expect("bytes"), pool.stats().refused), (1000, before));
    // It writes through without memory.
    let (held, before) = (full(), pool.stats().refused);
    stream.write_all(&[2; 100]).await.expect("room");
    stream.flush().await.expect("room");
    assert_eq!(pool.stats().refused, before);
    drop((held, stream));

    let ((mut left, mut one), (mut right, mut other)) = (duplex(1000), duplex(1000));
    one.write_all(&[3; 900]).await.expect("room");
    one.shutdown().await.expect("an end");
    other.shutdown().await.expect("an end");
    let (held, before) = (full(), pool.stats().refused);
    let (relayed, ()) =
        tokio::join!(copy_bidirectional(&mut left, &mut right, &pool), release(held));
    assert_eq!((relayed.expect("bytes"), pool.stats().refused), ((900, 0), before));

    // Bodies.
    let (held, before) = (full(), pool.stats().refused);
    let body = Full::new(Bytes::from(vec![4; 10_000]));
    let (collected, ()) = tokio::join!(collect(body, &pool, 1 << 20), release(held));
    assert_eq!((collected.expect("bytes").len(), pool.stats().refused), (10_000, before));
    let (held, before) = (full(), pool.stats().refused);
    let mut body = LeasedBody::new(Full::new(Bytes::from(vec![5; 10_000])), &pool);
    let (chain, ()) = tokio::join!(body.next_chain(), release(held));
    assert!(chain.expect("bytes").is_ok());
    assert_eq!(pool.stats().refused, before);

    // Codecs, senders and WebSockets.
    let (near, _far) = duplex(10_000);
    let mut framed = Framed::new(near, LinesCodec::new(), &pool);
    let (held, before) = (full(), pool.stats().refused);
    let (sent, ()) = tokio::join!(framed.send("a line"), release(held));
    assert_eq!((sent.is_ok(), pool.stats().refused), (true, before));

    let (near, _far) = duplex(10_000);
    let mut socket = WebSocket::new(near, Role::Client, &pool);
    let shared = Bytes::from(vec![6; 5_000]);
    let (held, before) = (full(), pool.stats().refused);
    let (sent, ()) = tokio::join!(socket.send(Message::Binary(shared.into())), release(held));
    assert_eq!((sent.is_ok(), pool.stats().refused), (true, before));

    let (near, far) = duplex(1_000);
    let mut receiver = WebSocket::new(near, Role::Server, &pool);
    let mut sender = WebSocket::new(far, Role::Client, &pool);
    sender.send("hello").await.expect("room");
    let (held, before) = (full(), pool.stats().refused);
    let (heard, ()) = tokio::join!(receiver.recv(), release(held));
    assert_eq!((heard.expect("a message").is_ok(), pool.stats().refused), (true, before));
    drop((framed, socket, receiver, sender));
    assert_eq!(pool.leased(), 0);
}

/// And whoever is told counts.
#[tokio::test]
async fn who_is_told_counts_once() {
    let pool = Pool::builder()
        .budget(1 << 20)
        .max_wait(Duration::from_millis(50))
        .build()
        .expect("a pool");
    let held: Vec<_> = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
    let counts = |told: bool, what: &str, before: u64| {
        assert!(told, "{what}");
        assert_eq!(pool.stats().refused, before + 1, "{what}");
    };
    let before = || pool.stats().refused;
    let was = before();
    counts(pool.try_lease(1).is_err(), "a block", was);
    let was = before();
    counts(pool.try_chain(10_000).is_err(), "a chain", was);
    let was = before();
    counts(pool.try_reserve(1).is_err(), "a reservation", was);
    let was = before();
    counts(ChainMut::new(&pool).try_reserve(1).is_err(), "room", was);
    let was = before();
    counts(pool.lease(1).await.is_err(), "a wait", was);
    let was = before();
    let (mut near, mut far) = duplex(100);
    far.write_all(b"x").await.expect("room");
    counts(
        ChainReader::new().read(&mut near, &mut ChainMut::new(&pool)).await.is_err(),
        "a read",
        was,
    );
    let was = before();
    let mut chain = ChainMut::new(&pool);
    counts(std::io::Write::write(&mut chain, b"x").is_err(), "a write", was);
    drop(held);
    assert_eq!(pool.leased(), 0);
}
