//! `Child`: a proxy in a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
};

use axum::http::uri::Authority;
use leasehold::Pool;
use tokio::{net::TcpListener, runtime::Builder};

use crate::{BUDGET, files, kind::Kind};

/// A proxy that runs, and is ended when this is dropped.
pub(crate) struct Child {
    process: process::Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    kind: Kind,
    pub(crate) address: SocketAddr,
}

/// What the pool of a proxy says.
pub(crate) struct Figures {
    pub(crate) leased: usize,
    pub(crate) reserved: usize,
    pub(crate) peak: usize,
    pub(crate) mapped: usize,
}

impl Child {
    pub(crate) fn start(kind: Kind, upstream: SocketAddr) -> Self {
        let program = std::env::current_exe().expect("a program has a path");
        let mut command = Command::new(program);
        command.args([kind.flag(), &upstream.to_string()]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        let asks = process.stdin.take().expect("a pipe");
        let mut answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let address = line(&mut answers).parse().expect("an address");
        Self { process, asks, answers, kind, address }
    }

    /// The figures of its pool, if it has one.
    pub(crate) fn ask(&mut self) -> Option<Figures> {
        writeln!(self.asks).expect("the proxy is there");
        let line = line(&mut self.answers);
        let mut figures = line.split(' ').map(|figure| figure.parse().expect("a number"));
        let mut next = || figures.next().expect("four figures");
        let figures = Figures { leased: next(), reserved: next(), peak: next(), mapped: next() };
        matches!(self.kind, Kind::Leased).then_some(figures)
    }

    /// A figure that the system keeps of the process, in bytes.
    pub(crate) fn status(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the proxy is there");
        let line = status.lines().find(|line| line.starts_with(name));
        let figure = line.and_then(|line| line.split_whitespace().nth(1));
        figure.expect("the kernel keeps it").parse::<usize>().expect("a number") << 10
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is the proxy, and answers to the process that started it, until that one is gone.
pub(crate) fn serve_until_told(kind: Kind, upstream: Authority) {
    files::allow(12_000);
    let pool = Pool::new(BUDGET).expect("the budget can be reserved");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        let answering = pool.clone();
        std::thread::spawn(move || {
            for _ in std::io::stdin().lines() {
                let stats = answering.stats();
                println!("{} {} {} {}", stats.leased, stats.reserved, stats.peak, stats.mapped);
            }
            process::exit(0);
        });
        tokio::spawn(pool.maintain());
        kind.run(listener, upstream, &pool).await.expect("the listener does not fail");
    });
}

/// The memory of all TCP sockets of the machine, in bytes, as far as the kernel tells it.
pub(crate) fn kernel_memory() -> usize {
    let said = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = said.lines().find(|line| line.starts_with("TCP:"));
    let pages = line.and_then(|line| line.rsplit(' ').next()).and_then(|last| last.parse().ok());
    pages.unwrap_or(0usize) * 4096
}

fn line(answers: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).expect("the proxy answers");
    line.trim_end().into()
}
