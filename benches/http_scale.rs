//! The memory of a server with 5,000 keep-alive connections from another process, each of which
//! sends now and then a body of up to 64 KiB: `cargo bench -p benches --bench http_scale`. The
//! bench is the client, and runs itself as the server.

#[path = "../tests/support/heap/files.rs"]
mod files;

use std::{
    convert::Infallible,
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Pool,
    http::{
        ChainBody, collect, serve,
        serve::{RequestBody, from_hyper},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    time::{Instant, sleep, sleep_until},
};

const MIB: usize = 1 << 20;
const BUDGET: usize = 32 * MIB;
const BODY_MAX: usize = 64 << 10;

/// What the server may have beside its budget.
const BESIDE_MAX: usize = 20 * MIB;

fn main() {
    if std::env::args().any(|arg| arg == "--serve") {
        return serve_until_told();
    }
    // Without `--bench` it is only tried.
    let is_measured = std::env::args().any(|arg| arg == "--bench");
    let load = if is_measured {
        Load { connections: 5000, rounds: 6, period: Duration::from_secs(10) }
    } else {
        Load { connections: 50, rounds: 2, period: Duration::from_millis(200) }
    };
    files::allow(load.connections as u64 + 100);
    let mut server = Server::start();
    let before = server.status("VmRSS");
    println!(
        "{} connections, a request each {:?}, {} times",
        load.connections, load.period, load.rounds
    );
    println!("RSS of the server, KiB, before: {}", before >> 10);
    let connections = runtime().block_on(load.run(&server));
    println!(
        "its peak: {} ({} allowed)",
        server.status("VmHWM") >> 10,
        (BUDGET + BESIDE_MAX) >> 10
    );
    println!("at the end, all connected and idle: {}", server.status("VmRSS") >> 10);
    let leased = server.ask("leased");
    println!("leased then: {leased}");
    drop(connections);
    assert_eq!(leased, "0");
    assert!(server.status("VmHWM") <= BUDGET + BESIDE_MAX);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

// ---- the server ---------------------------------------------------------------------------------

/// Echoes bodies, and answers to the process that started it, until that one is gone.
fn serve_until_told() {
    files::allow(12_000);
    let pool = Pool::new(BUDGET).expect("the budget can be reserved");
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        let answering = pool.clone();
        std::thread::spawn(move || {
            for _ in std::io::stdin().lines() {
                println!("{}", answering.leased());
            }
            std::process::exit(0);
        });
        let echo = service_fn(move |request: Request<RequestBody>| {
            let pool = pool.clone();
            async move {
                // One that is refused shows at the client, who counts the bytes.
                let chain = collect(request.into_body(), &pool, BODY_MAX).await.unwrap_or_default();
                Ok::<_, Infallible>(Response::new(ChainBody::new(chain)))
            }
        });
        serve(listener, from_hyper(echo)).await.expect("no error");
    });
}

struct Server {
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().expect("a program has a path");
        let mut command = Command::new(program);
        let command = command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        let asks = process.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let address = line(&mut answers).parse().expect("an address");
        Self { process, asks, answers, address }
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.asks, "{question}").expect("the server is there");
        line(&mut self.answers)
    }

    /// A figure that the system keeps of the process, in bytes.
    fn status(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("the server is there");
        let figure = status
            .lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_whitespace().nth(1));
        figure.expect("the kernel keeps it").parse::<usize>().expect("a number") << 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(answers: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).expect("the server answers");
    line.trim_end().into()
}

// ---- the client ---------------------------------------------------------------------------------

#[derive(Clone, Copy)]
struct Load {
    connections: usize,
    rounds: usize,
    period: Duration,
}

impl Load {
    /// The connections, when all have lain idle for long enough to be parked.
    async fn run(self, server: &Server) -> Vec<TcpStream> {
        let start = Instant::now();
        let address = server.address;
        let requests = |index| async move {
            // Evenly over the period, each in its turn; it connects then too, for the system keeps
            // 1,024 that are not accepted yet.
            let phase = self.period.mul_f64(index as f64 / self.connections as f64);
            sleep_until(start + phase).await;
            let mut stream = TcpStream::connect(address).await.expect("a listener");
            for round in 0..self.rounds {
                sleep_until(start + self.period * round as u32 + phase).await;
                // All lengths come, in no order.
                exchange(&mut stream, (index * 7919 + round * 104_729) % (BODY_MAX + 1)).await;
            }
            stream
        };
        let tasks: Vec<_> =
            (0..self.connections).map(|index| tokio::spawn(requests(index))).collect();
        let mut streams = Vec::new();
        for task in tasks {
            streams.push(task.await.expect("no request fails"));
        }
        sleep(Duration::from_secs(2)).await;
        streams
    }
}

async fn exchange(stream: &mut TcpStream, len: usize) {
    let mut request =
        format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\n\r\n").into_bytes();
    request.resize(request.len() + len, 7);
    stream.write_all(&request).await.expect("the server is there");
    let mut response = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut response).await.expect("the server is there"), 0);
        let head_len = response.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head_len) = head_len {
            let head = String::from_utf8_lossy(&response[..head_len]).to_lowercase();
            assert!(
                head.starts_with("http/1.1 200 ")
                    && head.contains(&format!("content-length: {len}\r\n")),
                "{head}"
            );
            if response.len() == head_len + len {
                return;
            }
        }
    }
}
