//! Scripts of bytes to a server that parks, and to stock hyper: the same bytes come back, and the
//! same end.
//!
//! Between two actions of the client its server does all that it can, and time passes when the
//! client says so: nothing depends on the machine.

use std::{
    future::{IntoFuture, pending},
    io::ErrorKind,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::serve::{Listener, from_hyper, serve},
};
use socket2::SockRef;
use tokio::{net::UnixStream, runtime, task::yield_now, time::advance};

#[path = "../it/http_scripts/service.rs"]
mod service;
#[path = "../it/http_scripts/transcript.rs"]
#[allow(dead_code, reason = "its own tests look for servers that do not rest, too")]
mod transcript;

use self::{
    service::answer,
    transcript::{End, Transcript},
};

/// More of a script is not played.
const SCRIPT_MAX: usize = 4 << 10;

/// Waits beyond so many are not waited: together less than any deadline of a server.
const WAITS_MAX: usize = 64;

/// How often a server that has nothing to do is looked at.
const ROUNDS: usize = 5;

/// So much time passes at once: the service waits for longer.
const TICK: Duration = Duration::from_millis(5);

/// Ticks until most answers are there; what is missing then is missing from both servers.
const END_TICKS: usize = 24;

/// hyper's answer to a broken head; the date is masked in transcripts.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: .............................\r\n\r\n";

/// The same after a request of HTTP/1.0.
const OLD_REFUSAL: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\ncontent-length: 0\r\ndate: .............................\r\n\r\n";

/// A date, and what follows it.
const DATE_LEN: usize = "Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".len();

/// Bytes of a script that are not sent, but end a piece and say what to do; text has none of them.
/// The one that is not listed only ends it.
mod action {
    /// A tick passes.
    pub(super) const WAIT: u8 = 0xff;
    /// Ten of them.
    pub(super) const LONG_WAIT: u8 = 0xfe;
    /// The client reads no more, or again.
    pub(super) const READ: u8 = 0xfc;
    /// It sends no more.
    pub(super) const HALF_CLOSE: u8 = 0xfb;
}

/// Plays a script against both servers.
pub(crate) fn run(data: &[u8]) {
    let script = &data[..data.len().min(SCRIPT_MAX)];
    let stock = play(script, |socket| {
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer));
        tokio::spawn(connection.with_upgrades());
    });
    let pool = Pool::new(1 << 20).expect("a pool");
    let ours = play(script, |socket| {
        let server = serve(One(Some(socket)), from_hyper(service_fn(answer))).pool(&pool, 1 << 20);
        tokio::spawn(server.linger(Duration::ZERO).http2(false).into_future());
    });
    assert_eq!(pool.leased(), 0);
    let expected = transcript(&stock);
    let ours = transcript(&ours);
    let is_same = expected == ours || otherwise(&stock).contains(&ours);
    assert!(
        is_same,
        "stock\n{}ours\n{}{}",
        expected.beside(&ours),
        ours.beside(&expected),
        script.escape_ascii()
    );
}

/// What a client received, and how it ended.
type Received = (Vec<u8>, End);

fn transcript((received, end): &Received) -> Transcript {
    let mut transcript = Transcript::default();
    transcript.push(received.clone(), *end);
    transcript
}

/// Where the two may differ: in how a broken head is refused, and in how a connection ends that has
/// more to be read.
///
/// | | hyper | ours |
/// |---|---|---|
/// | a head that comes in pieces | is looked at again when its end has come | is refused as soon as it is broken, also if the client goes then |
/// | after a request of HTTP/1.0 | is refused in that version | is refused in HTTP/1.1 by a connection that was parked |
/// | bytes that nobody reads behind the last request | reset the connection | are read until the client closes, in time |
fn otherwise(stock: &Received) -> Vec<Transcript> {
    let mut others = refused_otherwise(stock);
    if stock.1 == End::Reset {
        let in_order = (stock.0.clone(), End::Closed);
        others.extend(refused_otherwise(&in_order));
        others.push(transcript(&in_order));
    }
    others
}

fn refused_otherwise((received, end): &Received) -> Vec<Transcript> {
    let before = [REFUSAL, OLD_REFUSAL].into_iter().find_map(|refusal| before(refusal, received));
    let unrefused = matches!(end, End::KeptAlive | End::LeftOpen).then_some(&received[..]);
    let Some(before) = before.or(unrefused) else { return Vec::new() };
    let otherwise = [before, REFUSAL].concat();
    [End::Closed, End::KeptAlive, *end].map(|end| transcript(&(otherwise.clone(), end))).into()
}

/// What was received before a refusal, if that came last.
fn before<'a>(refusal: &[u8], received: &'a [u8]) -> Option<&'a [u8]> {
    let at = received.len().checked_sub(refusal.len())?;
    let is_last = received[at..].starts_with(&refusal[..refusal.len() - DATE_LEN]);
    is_last.then_some(&received[..at])
}

fn play(script: &[u8], serve: impl FnOnce(UnixStream)) -> Received {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (socket, others) = UnixStream::pair().expect("two sockets");
        // A response can wait for its client.
        SockRef::from(&others).set_send_buffer_size(64 << 10).expect("a send buffer");
        serve(others);
        let mut player = Player {
            socket,
            received: Vec::new(),
            is_reading: true,
            is_half_closed: false,
            waits: 0,
            end: None,
        };
        player.settle().await;
        player.follow(script).await;
        player.finish().await
    })
}

/// The only connection.
struct One(Option<UnixStream>);

impl Listener for One {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        match self.0.take() {
            Some(socket) => (socket, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Player {
    socket: UnixStream,
    received: Vec<u8>,
    is_reading: bool,
    is_half_closed: bool,
    waits: usize,
    end: Option<End>,
}

impl Player {
    async fn follow(&mut self, script: &[u8]) {
        let mut left = script;
        while !left.is_empty() && !self.is_half_closed {
            let len =
                left.iter().position(|&byte| byte >= action::HALF_CLOSE).unwrap_or(left.len());
            let (piece, rest) = left.split_at(len);
            self.send(piece).await;
            left = rest;
            match left.split_off_first() {
                Some(&action::WAIT) => self.wait(1).await,
                Some(&action::LONG_WAIT) => self.wait(10).await,
                Some(&action::READ) => self.is_reading = !self.is_reading,
                Some(&action::HALF_CLOSE) => self.half_close().await,
                Some(_) | None => {}
            }
        }
    }

    /// A server that has closed already is no news here: its end of stream is what counts.
    async fn send(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            match self.socket.try_write(piece) {
                Ok(count) => piece = &piece[count..],
                Err(_) => break,
            }
        }
        self.settle().await;
    }

    async fn half_close(&mut self) {
        let _ = SockRef::from(&self.socket).shutdown(std::net::Shutdown::Write);
        self.is_half_closed = true;
        self.settle().await;
    }

    async fn wait(&mut self, ticks: usize) {
        for _ in 0..ticks {
            if self.waits < WAITS_MAX {
                self.waits += 1;
                self.tick().await;
            }
        }
    }

    async fn tick(&mut self) {
        advance(TICK).await;
        self.settle().await;
    }

    /// Lets the server do what it can with the bytes and the time that it has.
    async fn settle(&mut self) {
        let mut idle = 0;
        while idle < ROUNDS {
            yield_now().await;
            idle = if self.read() { 0 } else { idle + 1 };
        }
    }

    /// Reads what is there; whether there was something.
    fn read(&mut self) -> bool {
        if !self.is_reading || self.end.is_some() {
            return false;
        }
        match self.socket.try_read_buf(&mut self.received) {
            Ok(0) if self.is_half_closed => self.end = Some(End::KeptAlive),
            Ok(0) => self.end = Some(End::Closed),
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    ErrorKind::ConnectionReset,
                    "a socket fails only by its peer"
                );
                self.end = Some(End::Reset);
            }
        }
        false
    }

    /// Reads what still comes, then closes, and reads to the end.
    async fn finish(mut self) -> Received {
        self.is_reading = true;
        for is_closing in [false, true] {
            if is_closing && !self.is_half_closed && self.end.is_none() {
                self.half_close().await;
            }
            for _ in 0..END_TICKS {
                if self.end.is_none() {
                    self.tick().await;
                }
            }
        }
        (self.received, self.end.unwrap_or(End::LeftOpen))
    }
}
