//! What WebSockets on HTTP/2 hold on the heap, beside the pool: idle ones, and those whose client
//! does not read.
//!
//! The client writes its frames by hand, onto a plain socket of the standard library, which holds
//! nothing on the heap.

use std::{
    convert::Infallible,
    future::IntoFuture,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Pool,
    http::{
        BytesBody,
        serve::{RequestBody, from_hyper, serve},
    },
    ws::{self, Message},
};
use tokio::runtime::Runtime;

use crate::support::heap;

const SOCKETS: u32 = 50;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

/// A short message of a client, "hi", masked with zeros.
const HI: &[u8] = b"\x81\x82\0\0\0\0hi";

/// Measured: 2,305 bytes, with the tasks of the service and of hyper.
const IDLE_MAX: isize = 3 << 10;

/// Three pieces of 16 KiB, and the 16 KiB that h2 takes for a stream whose window is open. Measured:
/// 69,447 bytes.
const STALLED_MAX: isize = 4 * (16 << 10) + (8 << 10);

/// Three pieces of 16 KiB. Measured: 44,938 bytes, the window of the connection is taken by some.
const SHUT_MAX: isize = 4 * (16 << 10);

/// Answers the first message with messages of 1 MiB without end.
async fn answer(
    mut request: Request<RequestBody>,
    pool: Pool,
) -> Result<Response<BytesBody>, Infallible> {
    let (response, upgrade) = ws::upgrade(&mut request).expect("a handshake");
    tokio::spawn(async move {
        let mut socket = upgrade.accept(&pool).await?;
        let flood = Message::binary(bytes::Bytes::from_static(&[7; 1 << 20]));
        while socket.recv().await.transpose()?.is_some() {
            while socket.is_open() {
                socket.send(flood.clone()).await?;
            }
        }
        Ok::<_, ws::Error>(())
    });
    Ok(response)
}

struct Client(TcpStream);

impl Client {
    /// With windows of `window` bytes for each stream and for the connection.
    fn connect(address: SocketAddr, window: u32) -> Self {
        let mut client = Self(TcpStream::connect(address).expect("the server listens"));
        client.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a preface");
        let more = window - 65_535;
        client.frame(SETTINGS, 0, 0, &[&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat());
        if more > 0 {
            client.frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        }
        client.read(); // its SETTINGS
        client.frame(SETTINGS, 1, 0, &[]);
        client
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let len = (payload.len() as u32).to_be_bytes();
        let head = [&len[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload].concat()).expect("the server reads");
    }

    /// Asks for the WebSocket with this number, from 0.
    fn open(&mut self, number: u32) {
        let head = [
            &b"\x02\x07CONNECT\x86\x04\x01/\x01\x04here"[..],
            b"\0\x09:protocol\x09websocket\0\x15sec-websocket-version\x0213",
        ];
        self.frame(HEADERS, 4, 2 * number + 1, &head.concat());
    }

    fn read(&mut self) {
        assert!(self.0.read(&mut [0; 4096]).expect("frames") > 0);
    }
}

/// Waits until the figure stands still.
fn settled() -> isize {
    let since = Instant::now();
    let mut last = heap::live();
    loop {
        sleep(Duration::from_millis(200));
        let now = heap::live();
        if (now - last).abs() < 1024 {
            return now;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "it does not settle");
        last = now;
    }
}

fn start() -> (Runtime, Pool, SocketAddr) {
    let runtime = Runtime::new().expect("a runtime");
    let pool = Pool::new(32 << 20).expect("a pool");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let of_service = pool.clone();
    let service = service_fn(move |request| answer(request, of_service.clone()));
    let server = serve(listener, from_hyper(service)).pool(&pool, 1 << 20).into_future();
    runtime.spawn(server);
    (runtime, pool, address)
}

/// What a socket costs, of some on one connection.
fn cost(window: u32, is_flooded: bool) -> isize {
    let (runtime, pool, address) = start();
    let mut client = Client::connect(address, window);
    client.open(0); // what is made once is made now
    let before = settled();
    for number in 1..=SOCKETS {
        client.open(number);
        if is_flooded {
            client.frame(DATA, 0, 2 * number + 1, HI);
        }
    }
    let cost = (settled() - before) / SOCKETS as isize;
    drop(client);
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert_eq!(pool.leased(), 0);
    cost
}

#[test]
fn a_socket_on_http2_costs_little_while_it_is_idle_and_no_more_than_its_windows_when_it_stalls() {
    let _alone = heap::alone();
    for (what, window, is_flooded, most) in [
        ("idle", 65_535, false, IDLE_MAX),
        ("its window is shut", 65_535, true, SHUT_MAX),
        ("its client does not read", (1 << 31) - 1, true, STALLED_MAX),
    ] {
        let cost = cost(window, is_flooded);
        println!("{what}: {cost} bytes a socket");
        assert!((0..most).contains(&cost), "{what}: {cost} bytes a socket");
    }
}
