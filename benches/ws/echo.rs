//! Echoes of one message at a time on each of many connections.

use std::{
    future::Future,
    io::{Read, Write},
    net::{self, SocketAddr},
    os::fd::{AsRawFd, RawFd},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use fastwebsockets::{FragmentCollector, OpCode};
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Account, Pool,
    ws::{Role, WebSocket},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    runtime::Builder,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol};

use super::{
    KIB, LIMIT, MIB,
    calls::{take_recv, take_send},
    clock::Clock,
};

const CONNECTIONS: usize = 100;

/// How long one try runs, and how many the best and the median are taken of: some meet nobody else
/// on a machine that others use too.
const TRY: Duration = Duration::from_millis(40);
const TRIES: usize = 61;

/// A table of rates and times for messages of these names and lengths, and one of system calls.
pub(crate) fn measure(sizes: &[(&str, usize)], is_measured: bool) {
    if sizes.is_empty() {
        return;
    }
    let servers = servers();
    if !is_measured {
        for (_, len) in sizes {
            servers.iter().for_each(|server| Client::new(server, *len).exchange(1));
        }
        return;
    }
    println!("{CONNECTIONS} connections; ratios to the fastest of the others, in each column");
    println!(
        "{:<12} {:<18} {:>11} {:>6} {:>11} {:>6} {:>11} {:>6} {:>11} {:>6}",
        "", "", "best msg/s", "ratio", "median", "ratio", "best CPU us", "ratio", "median", "ratio"
    );
    for (name, len) in sizes {
        print_rates(name, *len, &servers);
    }
    println!("system calls a message of the server; in brackets those that only heard \"not now\"");
    println!("{:<12} {:<18} {:>18} {:>18}", "", "", "receiving", "sending");
    for (name, len) in sizes {
        servers.iter().for_each(|server| print_calls(name, *len, server));
    }
}

// ---- the servers --------------------------------------------------------------------------------

/// Ours first.
fn servers() -> [Server; 4] {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    [
        Server::new("leasehold", move |stream| leasehold(stream, pool.account("socket", LIMIT))),
        Server::new("tokio-tungstenite", tokio_tungstenite),
        Server::new("fastwebsockets", fast_web_sockets),
        Server::new("tokio-websockets", tokio_web_sockets),
    ]
}

async fn leasehold(stream: TcpStream, account: Account) {
    let mut socket = WebSocket::new(stream, Role::Server, &account);
    while let Some(Ok(message)) = socket.recv().await {
        if message.is_data() {
            socket.send(message).await.expect("an echo");
        }
    }
}

async fn tokio_tungstenite(stream: TcpStream) {
    let mut socket = WebSocketStream::from_raw_socket(stream, protocol::Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() || message.is_text() {
            socket.send(message).await.expect("an echo");
        }
    }
}

/// As its own example has it.
async fn fast_web_sockets(stream: TcpStream) {
    let socket = fastwebsockets::WebSocket::after_handshake(stream, fastwebsockets::Role::Server);
    let mut socket = FragmentCollector::new(socket);
    while let Ok(frame) = socket.read_frame().await {
        match frame.opcode {
            OpCode::Close => break,
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await.expect("an echo"),
            _ => {}
        }
    }
}

async fn tokio_web_sockets(stream: TcpStream) {
    let mut socket = tokio_websockets::ServerBuilder::new().serve(stream);
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() || message.is_text() {
            socket.send(message).await.expect("an echo");
        }
    }
}

struct Server {
    name: &'static str,
    address: SocketAddr,
    clock: Clock,
    /// Of all sockets that it has accepted.
    fds: Arc<Mutex<Vec<RawFd>>>,
}

impl Server {
    /// Runs for as long as the bench does.
    fn new<F>(name: &'static str, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fds = Arc::<Mutex<Vec<_>>>::default();
        let accepted = Arc::clone(&fds);
        let (ready, is_ready) = mpsc::channel();
        let serving = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
                let listener = socket.listen(4096).expect("listening");
                ready
                    .send((listener.local_addr().expect("an address"), Clock::here()))
                    .expect("it is waited for");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    stream.set_nodelay(true).expect("a socket");
                    accepted.lock().expect("no panic").push(stream.as_raw_fd());
                    tokio::spawn(serve(stream));
                }
            });
        };
        thread::Builder::new().name(name.into()).spawn(serving).expect("a thread");
        let (address, clock) = is_ready.recv().expect("the server begins");
        Self { name, address, clock, fds }
    }
}

// ---- the client ---------------------------------------------------------------------------------

/// Writes a message on every connection, and reads the echoes in the same order.
struct Client {
    connections: Vec<net::TcpStream>,
    frame: Vec<u8>,
    echo_len: usize,
    room: Vec<u8>,
}

impl Client {
    fn new(server: &Server, len: usize) -> Self {
        let connect = || {
            let stream = net::TcpStream::connect(server.address).expect("a listener");
            stream.set_nodelay(true).expect("a socket");
            stream
        };
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let payload = (0..len).map(|index| index as u8);
        let masked = payload.clone().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
        let mut frame = head(len, 0x80);
        frame.extend(KEY);
        frame.extend(masked);
        let mut echo = head(len, 0);
        echo.extend(payload);

        let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| connect()).collect();
        for stream in &mut connections {
            stream.write_all(&frame).expect("the server is there");
            let mut heard = vec![0; echo.len()];
            stream.read_exact(&mut heard).expect("the server is there");
            assert!(heard == echo, "{}: no echo", server.name);
        }
        Self { connections, frame, echo_len: echo.len(), room: vec![0; 64 * KIB] }
    }

    /// As many messages on each connection.
    fn exchange(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for stream in &mut self.connections {
                stream.write_all(&self.frame).expect("the server is there");
            }
            for stream in &mut self.connections {
                let mut left = self.echo_len;
                while left > 0 {
                    let most = left.min(self.room.len());
                    let count = stream.read(&mut self.room[..most]).expect("the server is there");
                    assert_ne!(count, 0, "the server keeps its connections");
                    left -= count;
                }
            }
        }
    }
}

/// A frame's head for so many bytes, up to where the key stands (RFC 6455 §5.2).
fn head(len: usize, masked: u8) -> Vec<u8> {
    const BINARY: u8 = 0x82;
    match len {
        ..126 => vec![BINARY, masked | len as u8],
        126..0x1_0000 => [&[BINARY, masked | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[BINARY, masked | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}

// ---- measuring ----------------------------------------------------------------------------------

/// A second's messages, and the microseconds that the server runs for one.
#[derive(Clone, Copy)]
struct Try {
    rate: f64,
    cpu: f64,
}

/// Tries in turns, and a line for each server.
fn print_rates(name: &str, len: usize, servers: &[Server]) {
    let mut clients: Vec<_> = servers.iter().map(|server| Client::new(server, len)).collect();
    let rounds: Vec<usize> = clients.iter_mut().map(rounds_in_a_try).collect();
    let mut tries = vec![Vec::new(); servers.len()];
    for _ in 0..TRIES {
        for (index, (server, client)) in servers.iter().zip(&mut clients).enumerate() {
            let (start, ran) = (Instant::now(), server.clock.ran());
            client.exchange(rounds[index]);
            let (took, ran) = (start.elapsed(), server.clock.ran() - ran);
            let count = (rounds[index] * CONNECTIONS) as f64;
            tries[index].push(Try {
                rate: count / took.as_secs_f64(),
                cpu: ran.as_secs_f64() * 1e6 / count,
            });
        }
    }
    let figures: Vec<[f64; 4]> = tries.into_iter().map(best_and_median).collect();
    let rivals = &figures[1..];
    let most = |column: usize| rivals.iter().map(|figures| figures[column]).fold(0.0, f64::max);
    let least =
        |column: usize| rivals.iter().map(|figures| figures[column]).fold(f64::INFINITY, f64::min);
    let fastest = [most(0), most(1), least(2), least(3)];
    for (server, figures) in servers.iter().zip(&figures) {
        let [best, median, best_cpu, median_cpu] = figures;
        let [a, b, c, d] = std::array::from_fn(|column| figures[column] / fastest[column]);
        println!(
            "{name:<12} {:<18} {best:>11.0} {a:>6.3} {median:>11.0} {b:>6.3} {best_cpu:>11.2} {c:>6.3} {median_cpu:>11.2} {d:>6.3}",
            server.name
        );
    }
}

/// Of the rate and of the time of the server.
fn best_and_median(mut tries: Vec<Try>) -> [f64; 4] {
    tries.sort_unstable_by(|a, b| b.rate.total_cmp(&a.rate));
    let (best, median) = (tries[0].rate, tries[tries.len() / 2].rate);
    tries.sort_unstable_by(|a, b| a.cpu.total_cmp(&b.cpu));
    [best, median, tries[0].cpu, tries[tries.len() / 2].cpu]
}

/// About how many messages on each connection take so long.
fn rounds_in_a_try(client: &mut Client) -> usize {
    let mut rounds = 1;
    loop {
        let start = Instant::now();
        client.exchange(rounds);
        let took = start.elapsed();
        if took >= TRY / 4 {
            return ((rounds as f64 * TRY.as_secs_f64() / took.as_secs_f64()) as usize).max(1);
        }
        rounds *= 2;
    }
}

fn print_calls(name: &str, len: usize, server: &Server) {
    const ROUNDS: usize = 20;
    server.fds.lock().expect("no panic").clear();
    let mut client = Client::new(server, len);
    let fds = server.fds.lock().expect("no panic").clone();
    for fd in &fds {
        (_, _) = (take_recv(fd), take_send(fd));
    }
    client.exchange(ROUNDS);
    let (mut recv, mut send) = ([0; 2], [0; 2]);
    for fd in &fds {
        let (received, sent) = (take_recv(fd), take_send(fd));
        recv = [recv[0] + received.calls, recv[1] + received.would_block];
        send = [send[0] + sent.calls, send[1] + sent.would_block];
    }
    let a_message = |[calls, would_block]: [u64; 2]| {
        let count = (ROUNDS * CONNECTIONS) as f64;
        format!("{:.2} ({:.2})", calls as f64 / count, would_block as f64 / count)
    };
    println!("{name:<12} {:<18} {:>18} {:>18}", server.name, a_message(recv), a_message(send));
}
