//! A chat of lines, for netcat: one copy of each line for all who hear it, and nobody slowed down by those who do not listen.
//!
//! ```text
//! cargo run --release --example chat
//! nc 127.0.0.1 7000
//! ```
//!
//! A line is written into leased memory once, as a chain; the [`Outbox`] of each client gets a clone of that chain, which is a count
//! and no copy. The memory goes home when the last client has been sent it. Clients that are idle hold none: see `/pool`.
//!
//! What is kept for a client that stops reading is bounded, and then the oldest lines give way to the newest ([`Policy::DropOldest`]). It is
//! what suits a chat: others must not wait, a window that was in the background for a while need not be cut off, and what was said last
//! counts most. It also means that all who are behind keep the same last lines: ten thousand of them hold no more memory than one.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use bytes::{BufMut, Bytes};
use bytesize::ByteSize;
use clap::Parser;
use futures_util::StreamExt;
use leasehold::{
    Chain, ChainMut, LeaseError, Pool,
    codec::{Decoder, FramedRead, LinesCodec, LinesCodecError},
    io::{Outbox, Policy, limit_unsent},
};
use tokio::{
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    signal::ctrl_c,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// The longest line, in bytes: what a terminal lets its user write.
const LINE_MAX: usize = 4000;

/// What may be leased for the lines that a client has sent and that nobody was told yet.
const READ_MAX: usize = 16 << 10;

/// What may be queued for a client: bytes, and lines. A short line takes a block of 1 KiB, so that they are at most 256 KiB.
const OUTBOX_MAX: usize = 64 << 10;
const OUTBOX_LINES_MAX: usize = 256;

/// What the kernel may take for a client before the network does.
const UNSENT_MAX: u32 = 16 << 10;

/// Between two lines of a client: who sends more fills the buffers of its own kernel, not those of the others.
const PACE: Duration = Duration::from_millis(1);

/// How long a line may wait for memory.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long a client that is leaving may take to hear what was said before.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// On no account: it is said when there is no memory.
const NO_ANSWER: Bytes = Bytes::from_static(b"* there is no memory to answer\n");

const COMMANDS: &str = "/nick NAME, /who, /pool, /quit";

/// A chat of lines, out of leased blocks, under one hard budget. Connect with netcat.
#[derive(Debug, Parser)]
#[command(name = "chat")]
struct Options {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7000")]
    listen: SocketAddr,
    /// The memory of all clients together, such as 16MiB; at least 1MiB.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    budget: ByteSize,
}

fn size(text: &str) -> Result<ByteSize, &'static str> {
    text.parse().map_err(|_| "write a number and a unit, such as 16MiB")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let pool = Pool::builder().budget(usize::try_from(options.budget.as_u64())?).name("chat").build();
    let pool = pool.with_context(|| format!("--budget {} cannot be used; try --budget 16MiB", options.budget))?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another port with --listen, or port 0 for any free one", options.listen)
    })?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?).context("cannot write to stdout")?;
    tokio::spawn(pool.maintain());

    let hall = Arc::new(Hall::new(&pool));
    let (mut clients, stop) = (JoinSet::new(), CancellationToken::new());
    let mut interrupted = std::pin::pin!(ctrl_c());
    let mut last_number = 0;
    let stopped = loop {
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("chat: cannot accept a client: {error}");
                    sleep(Duration::from_millis(100)).await; // perhaps a lack of file descriptors: some will be closed
                    continue;
                }
            },
            Some(_) = clients.join_next() => continue,
            stopped = &mut interrupted => break stopped,
        };
        last_number += 1;
        let (hall, stop, number) = (Arc::clone(&hall), stop.clone(), last_number);
        clients.spawn(async move {
            if let Err(error) = client(&hall, number, socket, &stop).await {
                eprintln!("chat: {peer}: {error:#}");
            }
        });
    };

    drop(listener); // from here on new clients are refused
    hall.tell_all(None, "* the chat is closing\n").await;
    stop.cancel();
    while clients.join_next().await.is_some() {}
    eprintln!("chat: done; at most {} of {} bytes were leased at once", hall.memory.peak(), pool.budget());
    stopped.context("cannot listen for Ctrl-C")
}

/// One client, from its first line to its last.
async fn client(hall: &Hall, number: u64, socket: TcpStream, stop: &CancellationToken) -> anyhow::Result<()> {
    limit_unsent(&socket, UNSENT_MAX)?;
    socket.set_nodelay(true)?;
    let account = hall.lines_in.child(format!("client {number}"), READ_MAX);
    let (reader, mut writer) = socket.into_split();
    let mut lines = FramedRead::new(reader, Lines(LinesCodec::new_with_max_length(LINE_MAX)), &account);
    let builder = Outbox::builder().high_mark(OUTBOX_MAX).items_max(OUTBOX_LINES_MAX).policy(Policy::DropOldest);
    let (outbox, mut outbox_writer) = builder.channel();

    hall.join(number, &outbox).await;
    let ended = tokio::select! {
        ended = listen(hall, number, &mut lines) => ended.context("cannot be heard any more"),
        ended = outbox_writer.run(&mut writer) => ended.context("cannot be told any more"),
        () = stop.cancelled() => {
            drop(hall.members().remove(&number)); // all know
            Ok(())
        }
    };
    hall.leave(number).await;
    outbox.close();
    // Who does not want to hear the rest is dropped.
    let _ = timeout(GOODBYE_MAX, outbox_writer.run(&mut writer)).await;
    if outbox.dropped_count() > 0 {
        eprintln!("chat: client {number} read too slowly; {} lines were dropped", outbox.dropped_count());
    }
    ended
}

/// Hears a client, until it leaves.
async fn listen(hall: &Hall, number: u64, lines: &mut FramedRead<OwnedReadHalf, Lines>) -> io::Result<()> {
    while let Some(line) = lines.next().await {
        match line? {
            Ok(line) => match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
                ("", _) => {}
                ("/quit", _) => break,
                ("/nick", nick) => hall.rename(number, nick.trim()).await,
                ("/who", _) => hall.tell(number, &format!("* here: {}\n", hall.nicks().join(", "))).await,
                ("/pool", _) => {
                    let (leased, peak, budget) = (hall.memory.leased(), hall.memory.peak(), hall.memory.budget());
                    hall.tell(number, &format!("* leased: {leased} of {budget} bytes, {peak} at most\n")).await;
                }
                (command, _) if command.starts_with('/') => {
                    hall.tell(number, &format!("* there is no {command}, only {COMMANDS}\n")).await;
                }
                _ => hall.say(number, &line).await,
            },
            Err(error) => hall.tell(number, &format!("* not sent: {error}\n")).await,
        }
        sleep(PACE).await;
    }
    Ok(())
}

/// Lines, or why one of them is none; only the transport's errors are errors, for these end the client.
struct Lines(LinesCodec);

impl Decoder for Lines {
    type Item = Result<String, LinesCodecError>;
    type Error = io::Error;

    fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<Self::Item>> {
        line_or_why(self.0.decode(src))
    }

    fn decode_eof(&mut self, src: &mut ChainMut) -> io::Result<Option<Self::Item>> {
        line_or_why(self.0.decode_eof(src))
    }
}

fn line_or_why(
    decoded: Result<Option<String>, LinesCodecError>,
) -> io::Result<Option<Result<String, LinesCodecError>>> {
    match decoded {
        Err(error) if error.is_io() => Err(error.into()),
        decoded => Ok(decoded.transpose()),
    }
}

/// Everybody who is here, and the memory for what is said.
struct Hall {
    /// All of it, half for either direction: whoever floods the chat leaves memory for what is to be sent.
    memory: Pool,
    lines_in: Pool,
    lines_out: Pool,
    members: Mutex<BTreeMap<u64, Member>>,
}

struct Member {
    nick: String,
    outbox: Outbox,
}

impl Hall {
    fn new(pool: &Pool) -> Self {
        let half = pool.budget() / 2;
        let memory = pool.child("all clients", pool.budget()); // the peak of an account is exact, that of a pool is sampled
        let (lines_in, lines_out) = (memory.child("lines in", half), memory.child("lines out", half));
        Self { memory, lines_in, lines_out, members: Mutex::default() }
    }

    async fn join(&self, number: u64, outbox: &Outbox) {
        let nick = format!("guest-{number}");
        self.tell_outbox(outbox, &format!("* you are {nick}; {COMMANDS}\n")).await;
        self.tell_all(None, &format!("* {nick} is here\n")).await;
        self.members().insert(number, Member { nick, outbox: outbox.clone() });
    }

    async fn leave(&self, number: u64) {
        let member = self.members().remove(&number);
        if let Some(member) = member {
            self.tell_all(None, &format!("* {} has left\n", member.nick)).await;
        }
    }

    async fn rename(&self, number: u64, nick: &str) {
        let is_name = (1..=20).contains(&nick.chars().count()) && nick.chars().all(char::is_alphanumeric);
        if !is_name {
            return self.tell(number, "* a name has 1 to 20 letters and digits, as in /nick ann\n").await;
        }
        if self.nicks().iter().any(|taken| taken == nick) {
            return self.tell(number, &format!("* there is a {nick} already\n")).await;
        }
        let old = self.members().get_mut(&number).map(|member| std::mem::replace(&mut member.nick, nick.to_owned()));
        if let Some(old) = old {
            self.tell_all(None, &format!("* {old} is now {nick}\n")).await;
        }
    }

    /// A line of one is told to all the others.
    async fn say(&self, number: u64, line: &str) {
        let Some(nick) = self.members().get(&number).map(|member| member.nick.clone()) else { return };
        // What moves cursors and rings bells at other people's terminals stays here.
        let text: String = line.chars().filter(|char| !char.is_control()).collect();
        self.tell_all(Some(number), &format!("{nick}: {text}\n")).await;
    }

    /// One chain for all. For each client it is a count, not a copy.
    async fn tell_all(&self, but: Option<u64>, text: &str) {
        match self.leased(text).await {
            Ok(chain) => self.members().iter().filter(|(number, _)| but != Some(**number)).for_each(|(_, member)| {
                let _ = member.outbox.try_send(chain.clone()); // who is just leaving is not told
            }),
            Err(error) => eprintln!("chat: nobody was told {text:?}: {error}"),
        }
    }

    async fn tell(&self, number: u64, text: &str) {
        let outbox = self.members().get(&number).map(|member| member.outbox.clone());
        if let Some(outbox) = outbox {
            self.tell_outbox(&outbox, text).await;
        }
    }

    async fn tell_outbox(&self, outbox: &Outbox, text: &str) {
        let chain = self.leased(text).await.unwrap_or_else(|_| NO_ANSWER.into());
        let _ = outbox.try_send(chain); // who is just leaving is not told
    }

    async fn leased(&self, text: &str) -> Result<Chain, LeaseError> {
        let mut chain = self.lines_out.chain_within(text.len(), MEMORY_WAIT_MAX).await?;
        chain.put_slice(text.as_bytes());
        Ok(chain.freeze())
    }

    fn nicks(&self) -> Vec<String> {
        self.members().values().map(|member| member.nick.clone()).collect()
    }

    /// Never locked across a wait.
    fn members(&self) -> MutexGuard<'_, BTreeMap<u64, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
