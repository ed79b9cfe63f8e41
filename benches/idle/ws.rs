//! WebSocket servers that echo.
//!
//! Ours has what one in use has: HTTP that the handshake came by, an account for each socket,
//! pings, and a hub. The others have sockets and tasks alone, and no handshake, which would only
//! leave something behind.

use std::{
    convert::Infallible,
    future::{Future, IntoFuture},
    io::{Read, Write},
    net::TcpStream as Client,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use fastwebsockets::{FragmentCollector, OpCode, Role};
use futures_util::{SinkExt, StreamExt};
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Account, Pool,
    http::{
        BytesBody,
        serve::{RequestBody, from_hyper, serve},
    },
    io::AnyStream,
    ws::{self, Acceptor, Config, Hub, KeepAlive, Member, Upgrade, WebSocket},
};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol};

use super::{LIMIT, Load, Stack, heap};

const HANDSHAKE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// One message, and its echo.
pub(super) fn visit(client: &mut Client, stack: Stack, load: Load) {
    if matches!(stack, Stack::WebSocket | Stack::WebSocketAtEase) {
        client.write_all(HANDSHAKE).expect("a server");
        let (mut heard, mut len) = ([0; 1024], 0);
        while !heard[..len].ends_with(b"\r\n\r\n") {
            len += hear(client, &mut heard[len..]);
        }
        assert!(heard.starts_with(b"HTTP/1.1 101 "));
    }
    // RFC 6455 §5.2: a whole message of bytes, masked by zeros.
    const MIB: usize = 1 << 20;
    static LARGE: [u8; MIB] = [b'x'; MIB];
    let (head, echoed_head, len): (&[u8], &[u8], _) = match load {
        Load::Small => (&[0x82, 0x80 | 100, 0, 0, 0, 0], &[0x82, 100], 100),
        Load::Large => (
            &[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0],
            &[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0],
            LARGE.len(),
        ),
    };
    client.write_all(head).expect("a head");
    client.write_all(&LARGE[..len]).expect("a payload");
    let mut echoed = [0; 10];
    client.read_exact(&mut echoed[..echoed_head.len()]).expect("the head of an echo");
    assert!(echoed.starts_with(echoed_head));
    let (mut left, mut heard) = (len, [0; 4096]);
    while left > 0 {
        let want = left.min(heard.len());
        left -= hear(client, &mut heard[..want]);
    }
}

fn hear(client: &mut Client, room: &mut [u8]) -> usize {
    match client.read(room).expect("an echo") {
        0 => panic!("the server hung up"),
        count => count,
    }
}

/// The server `stack` on `listener`.
pub(super) fn server(
    stack: Stack,
    listener: TcpListener,
    pool: &Pool,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match stack {
        Stack::WebSocket => return ours(listener, pool, handshake),
        Stack::WebSocketAtEase => return ours(listener, pool, at_ease),
        _ => {}
    }
    Box::pin(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            match stack {
                Stack::TokioTungstenite => drop(tokio::spawn(tokio_tungstenite(stream))),
                Stack::FastWebSockets => drop(tokio::spawn(fast_web_sockets(stream))),
                Stack::TokioWebSockets => drop(tokio::spawn(tokio_web_sockets(stream))),
                _ => unreachable!("{stack:?} is no WebSocket"),
            }
        }
    })
}

fn ours<F>(
    listener: TcpListener,
    pool: &Pool,
    handle: fn(Upgrade, Account, Hub) -> F,
) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    F: Future<Output = ()> + Send + 'static,
{
    let hub = Hub::new(&pool.account("hub", LIMIT));
    let keep_alive = KeepAlive::new(Duration::from_secs(300), Duration::from_secs(30));
    let acceptor = Acceptor::new().config(Arc::new(Config::new().keep_alive(&keep_alive)));
    let sockets = pool.clone();
    let service = service_fn(move |mut request: Request<RequestBody>| {
        let upgrading = acceptor.upgrade(&mut request);
        let (account, hub) = (sockets.account("socket", LIMIT), hub.clone());
        async move {
            let (response, upgrade) = upgrading.expect("a handshake");
            tokio::spawn(handle(upgrade, account, hub));
            Ok::<Response<BytesBody>, Infallible>(response)
        }
    });
    let server = serve(listener, from_hyper(service)).pool(pool, LIMIT).into_future();
    Box::pin(async { drop(server.await) })
}

/// The handshake has a task of its own: one that went on with the socket would keep what it did for
/// that.
fn handshake(upgrade: Upgrade, account: Account, hub: Hub) -> impl Future<Output = ()> {
    async move {
        let socket = upgrade.accept(&account).await.expect("the client stays");
        tokio::spawn(member(hub.join(socket)));
    }
}

fn member(mut member: Member<AnyStream>) -> impl Future<Output = ()> {
    async move {
        loop {
            let Some(Ok(message)) = member.recv().await else { return };
            // What is taken apart, not looked at, has no place in the task beside what is sent.
            let Some(payload) = message.into_data() else { continue };
            member.send(payload).await.expect("an echo");
        }
    }
}

/// The same as one writes it who does not count bytes.
fn at_ease(upgrade: Upgrade, account: Account, hub: Hub) -> impl Future<Output = ()> {
    async move {
        let socket = upgrade.accept(&account).await.expect("the client stays");
        let mut member = hub.join(socket);
        while let Some(Ok(message)) = member.recv().await {
            if message.is_data() {
                member.send(message).await.expect("an echo");
            }
        }
    }
}

fn tokio_tungstenite(stream: TcpStream) -> impl Future<Output = ()> {
    async move {
        let mut socket =
            WebSocketStream::from_raw_socket(stream, protocol::Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.expect("an echo");
            }
        }
    }
}

fn fast_web_sockets(stream: TcpStream) -> impl Future<Output = ()> {
    let socket = fastwebsockets::WebSocket::after_handshake(stream, Role::Server);
    let mut socket = FragmentCollector::new(socket);
    async move {
        while let Ok(frame) = socket.read_frame().await {
            if frame.opcode == OpCode::Binary {
                socket.write_frame(frame).await.expect("an echo");
            }
        }
    }
}

fn tokio_web_sockets(stream: TcpStream) -> impl Future<Output = ()> {
    let mut socket = tokio_websockets::ServerBuilder::new().serve(stream);
    async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.expect("an echo");
            }
        }
    }
}

/// What a socket of ours consists of, in bytes of heap: each part measured alone. And what its task
/// does.
pub(crate) fn parts() -> Vec<(&'static str, usize)> {
    fn output_len<A, F>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }
    fn output_len_of_three<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }
    const COUNT: usize = 1 << 10;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let pool = Pool::new(LIMIT).expect("a pool");
    let hub = Hub::new(&pool);
    let pinging = Arc::new(Config::new().keep_alive(&KeepAlive::new(Duration::MAX, Duration::MAX)));
    // A transport that has nothing on the heap.
    let io = || AnyStream::new(tokio::io::empty());
    let socket = || WebSocket::new(io(), ws::Role::Server, &pool);

    // The runtime's list of tasks to run grows to its size first, and the defaults of sockets are
    // made.
    (0..COUNT).for_each(|_| drop(tokio::spawn(async {})));
    runtime.block_on(tokio::task::yield_now());
    drop(socket());

    let mut members: Vec<_> = (0..COUNT).map(|_| hub.join(socket())).collect();
    let mut spawn = || tokio::spawn(member(members.pop().expect("as many as tasks")));
    vec![
        (
            "tokio's part of a connection",
            each(COUNT / 16, || UnixStream::pair().expect("two sockets")) / 2,
        ),
        ("a task", each(COUNT, &mut spawn)),
        ("an account", each(COUNT, || pool.account("socket", LIMIT))),
        ("a place in a hub", each(COUNT, || hub.join(socket()))),
        (
            "pings",
            each(COUNT, || {
                WebSocket::with_config(io(), ws::Role::Server, &pool, Arc::clone(&pinging))
            }),
        ),
        ("in its task: the future", output_len(member)),
        ("in its task: Member", size_of::<Member<AnyStream>>()),
        ("in its task: WebSocket", size_of::<WebSocket<AnyStream>>()),
        ("in its task: AnyStream", size_of::<AnyStream>()),
        ("the future at ease", output_len_of_three(at_ease)),
    ]
}

/// What each of so many holds on the heap.
fn each<T>(count: usize, mut make: impl FnMut() -> T) -> usize {
    let mut made = Vec::with_capacity(count);
    let before = heap::live();
    made.extend((0..count).map(|_| make()));
    usize::try_from(heap::live() - before).unwrap_or(0) / count
}
