//! A server's process, as the bench sees it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{figures::Figures, heap::Allocator, host, machine};

/// How long a server is made to work, and what of it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) begins: Duration,
    pub(crate) lasts: Duration,
}

/// Ends with this; and with the bench, whatever ends that, for its stdin is closed then.
pub(crate) struct Server {
    name: String,
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start(name: &str, allocator: Allocator) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--serve", name]).env(Allocator::VARIABLE.to_str()?, allocator.name());
        let (variable, value) = allocator.jemalloc_conf();
        command.env(variable, value);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a server")?;
        let (asks, answers) = (process.stdin.take(), process.stdout.take());
        let mut server = Self {
            name: name.into(),
            process,
            asks: asks.context("a pipe")?,
            answers: BufReader::new(answers.context("a pipe")?),
            address: ([127, 0, 0, 1], 0).into(),
        };
        server.address = server.line()?.parse().context("an address")?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives an order to the service, and waits for its answer.
    pub(crate) fn order(&mut self, order: &str) -> anyhow::Result<String> {
        writeln!(self.asks, "{order}")
            .with_context(|| format!("the server {} has ended", self.name))?;
        self.line()
    }

    pub(crate) fn figures(&mut self) -> anyhow::Result<Figures> {
        self.order(host::FIGURES)?.parse()
    }

    /// What it did in a while, after another while in which its work begins.
    pub(crate) async fn figures_of(&mut self, work: Work) -> anyhow::Result<Figures> {
        tokio::time::sleep(work.begins).await;
        let before = self.figures()?;
        tokio::time::sleep(work.lasts).await;
        Ok(self.figures()? - before)
    }

    /// The memory that it has, in bytes: of the kernel's count, with all that it shares.
    pub(crate) fn rss(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let rss = machine::field(&status, "VmRSS")
            .with_context(|| format!("the server {} has ended", self.name))?;
        Ok(rss as f64)
    }

    /// Until it has done nothing for a while: what waits a second for more work has given up then.
    pub(crate) fn settle(&mut self, at_least: Duration) -> anyhow::Result<Figures> {
        const PAUSE_MAX: Duration = Duration::from_millis(250);
        /// Timers are allowed.
        const IDLE_SHARE: f64 = 0.05;
        let pause = at_least.min(PAUSE_MAX);
        thread::sleep(at_least - pause);
        let mut before = self.figures()?;
        loop {
            thread::sleep(pause);
            let now = self.figures()?;
            let ran = now - std::mem::replace(&mut before, now);
            if ran.cpu < ran.clock * IDLE_SHARE {
                return Ok(now);
            }
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the server {} has ended; what it said stands above", self.name);
        }
        Ok(line.trim_end().into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
