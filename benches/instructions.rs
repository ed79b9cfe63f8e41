//! Rounds whose instructions are counted: `.ci/count` runs this under callgrind, with two numbers
//! of rounds, and the difference is what a round costs. Client and server share one thread.
//!
//! usage: instructions SCENARIO ROUNDS

use std::{convert::Infallible, future::IntoFuture, hint::black_box};

use bytes::{BufMut, Bytes};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Chain, Pool,
    codec::{Framed, LengthDelimitedCodec},
    http::{LeasedBody, serve, serve::RequestBody, serve::from_hyper},
    ws::{Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const MIB: usize = 1 << 20;

/// What is counted: rounds on a pool.
type Scenario = fn(&Pool, usize);

/// The scenarios, by name.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("lease", lease),
    ("lease_in_an_account", lease_in_an_account),
    ("chain_64k", chain_64k),
    ("reserve", reserve),
    ("frame_64", |pool, rounds| run(frame_64(pool, rounds))),
    ("echo_64", |pool, rounds| run(echo_64(pool, rounds))),
    ("hello", |pool, rounds| run(hello(pool, rounds, false))),
    ("hello_with_a_pool", |pool, rounds| run(hello(pool, rounds, true))),
    ("upload_1m", |pool, rounds| run(upload_1m(pool, rounds))),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [name, rounds] = &args[..] else {
        SCENARIOS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let (_, scenario) = SCENARIOS.iter().find(|(known, _)| known == name).expect("a scenario");
    let pool = Pool::new(64 * MIB).expect("a pool");
    scenario(&pool, rounds.parse().expect("a number of rounds"));
    assert_eq!(pool.leased(), 0);
}

fn run(rounds: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(rounds);
}

// ---- memory -------------------------------------------------------------------------------------

fn lease(pool: &Pool, rounds: usize) {
    for _ in 0..rounds {
        drop(black_box(pool.try_lease(4096).expect("free")));
    }
}

fn lease_in_an_account(pool: &Pool, rounds: usize) {
    let account = pool.account("one", MIB);
    for _ in 0..rounds {
        drop(black_box(account.try_lease(4096).expect("free")));
    }
}

fn chain_64k(pool: &Pool, rounds: usize) {
    for _ in 0..rounds {
        let mut chain = pool.try_chain(64 << 10).expect("free");
        chain.put_bytes(b'x', 64 << 10);
        let mut chain = chain.freeze();
        let front = chain.split_to(1000);
        drop(black_box((front, chain)));
    }
}

fn reserve(pool: &Pool, rounds: usize) {
    for _ in 0..rounds {
        drop(black_box(pool.try_reserve(5000).expect("free")));
    }
}

// ---- streams ------------------------------------------------------------------------------------

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let near = TcpStream::connect(listener.local_addr().expect("an address"));
    let (near, far) = tokio::join!(near, listener.accept());
    let (near, far) = (near.expect("a connection"), far.expect("a connection").0);
    near.set_nodelay(true).expect("a socket");
    far.set_nodelay(true).expect("a socket");
    (near, far)
}

async fn frame_64(pool: &Pool, rounds: usize) {
    let (mut near, far) = pair().await;
    let mut far = Framed::new(far, LengthDelimitedCodec::new(), pool);
    let frame = [&64u32.to_be_bytes()[..], &[b'x'; 64]].concat();
    let mut back = vec![0; frame.len()];
    for _ in 0..rounds {
        near.write_all(&frame).await.expect("it takes it");
        let received = far.next().await.expect("a frame").expect("a frame");
        far.send(received).await.expect("it takes it");
        near.read_exact(&mut back).await.expect("it comes back");
    }
}

async fn echo_64(pool: &Pool, rounds: usize) {
    let (mut near, far) = pair().await;
    let mut far = WebSocket::new(far, Role::Server, pool);
    // Masked with zeros: the bytes are what they are.
    let frame = [&[0x82, 0x80 | 64, 0, 0, 0, 0][..], &[b'x'; 64]].concat();
    let mut back = [0; 66];
    for _ in 0..rounds {
        near.write_all(&frame).await.expect("it takes it");
        match far.next().await.expect("a message").expect("a message") {
            Message::Binary(payload) => far.send(Message::Binary(payload)).await.expect("sent"),
            other => panic!("{other:?}"),
        }
        near.read_exact(&mut back).await.expect("it comes back");
    }
}

// ---- HTTP ---------------------------------------------------------------------------------------

async fn hello(pool: &Pool, rounds: usize, with_pool: bool) {
    let answer = async |_: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
    };
    let request = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("an address"));
    let server = serve(listener, from_hyper(service_fn(answer)));
    let server = if with_pool { server.pool(pool, MIB) } else { server };
    let server = tokio::spawn(server.into_future());
    let mut client = client.await.expect("a connection");
    let mut response = [0; 512];
    for _ in 0..rounds {
        client.write_all(request).await.expect("it takes it");
        let count = client.read(&mut response).await.expect("a response");
        assert!(response[..count].ends_with(b"hello"));
    }
    drop(client);
    server.abort();
    let _ = server.await;
    until_home(pool).await;
}

async fn upload_1m(pool: &Pool, rounds: usize) {
    let take = async |request: Request<RequestBody>| {
        let account = request.extensions().get::<leasehold::Account>().expect("its own").clone();
        let mut body = LeasedBody::new(request.into_body(), &account);
        let mut len = 0;
        while let Some(chain) = body.next_chain().await {
            len += chain.expect("bytes").len();
        }
        Ok::<_, Infallible>(Response::new(Full::new(Chain::from(Bytes::from(len.to_string())))))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = serve(listener, from_hyper(service_fn(take))).pool(pool, 4 * MIB);
    let server = tokio::spawn(server.into_future());
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let head = format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {MIB}\r\n\r\n");
    let body = vec![b'x'; MIB];
    let mut response = [0; 512];
    for _ in 0..rounds {
        client.write_all(head.as_bytes()).await.expect("it takes it");
        client.write_all(&body).await.expect("it takes it");
        let count = client.read(&mut response).await.expect("a response");
        assert!(response[..count].ends_with(b"1048576"));
    }
    drop(client);
    server.abort();
    let _ = server.await;
    until_home(pool).await;
}

async fn until_home(pool: &Pool) {
    while pool.leased() > 0 {
        tokio::task::yield_now().await;
    }
}
