//! One player: a client that follows a script.

use std::{io::ErrorKind, time::Duration};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::http_scripts::{
    script::{Script, Step},
    servers::Server,
    transcript::{End, Transcript},
};

/// How long an answer may take that a server owes; only a broken server, or a machine that stands
/// still, needs as much.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a server may take after its last byte until it counts as keeping the connection open.
const SETTLE: Duration = Duration::from_millis(80);

/// How long a rest is; a server that is busy for half of it isn't resting.
const REST: Duration = Duration::from_millis(80);

/// The client's receive buffer: a response of megabytes can't hide in it.
const RECEIVE_BUFFER_LEN: u32 = 256 << 10;

/// Follows `script` against `server`, and tells what came back.
pub(crate) async fn play(script: &Script, server: &Server) -> Transcript {
    let mut transcript = Transcript::default();
    let mut player = Player::connect(server).await;
    for (index, step) in script.steps.iter().enumerate() {
        match step {
            Step::Reconnect => {
                let (received, end) = player.leave();
                transcript.push(received, end);
                player = Player::connect(server).await;
            }
            _ if player.end.is_some() => {}
            Step::Rest => {
                if is_restless(server).await {
                    transcript.push_restless();
                }
            }
            step => player.follow(index, step).await,
        }
    }
    let (received, end) = player.finish().await;
    transcript.push(received, end);
    transcript
}

async fn is_restless(server: &Server) -> bool {
    sleep(REST / 4).await;
    let before = server.busy();
    sleep(REST).await;
    server.busy() - before > REST / 2
}

#[derive(Debug)]
struct Player {
    socket: TcpStream,
    received: Vec<u8>,
    /// Where the search for awaited bytes goes on.
    awaited: usize,
    is_half_closed: bool,
    end: Option<End>,
}

impl Player {
    async fn connect(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN).expect("a receive buffer");
        let socket = socket.connect(server.address()).await.expect("a server that listens");
        socket.set_nodelay(true).expect("no delay");
        Self { socket, received: Vec::new(), awaited: 0, is_half_closed: false, end: None }
    }

    async fn follow(&mut self, index: usize, step: &Step) {
        let stalled = match step {
            Step::Send(bytes) => timeout(PATIENCE, self.send(bytes)).await,
            Step::Until(bytes) => timeout(PATIENCE, self.read_until(bytes)).await,
            Step::Read(len) => timeout(PATIENCE, self.read_len(*len)).await,
            Step::Wait(time) => {
                sleep(*time).await;
                Ok(())
            }
            Step::HalfClose => {
                self.half_close().await;
                Ok(())
            }
            Step::Rest | Step::Reconnect => unreachable!("steps of `play`"),
        };
        if stalled.is_err() {
            self.end = Some(End::Stalled { step: index });
        }
    }

    /// A server that has closed already is no news here: its end of stream is what counts.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes).await;
    }

    async fn half_close(&mut self) {
        let _ = self.socket.shutdown().await;
        self.is_half_closed = true;
    }

    async fn read_until(&mut self, wanted: &[u8]) {
        let mut from = self.awaited;
        loop {
            if let Some(at) = memmem::find(&self.received[from..], wanted) {
                self.awaited = from + at + wanted.len();
                return;
            }
            from = from.max((self.received.len() + 1).saturating_sub(wanted.len()));
            if !self.read(usize::MAX).await {
                return;
            }
        }
    }

    async fn read_len(&mut self, len: usize) {
        let target = self.received.len() + len;
        while self.received.len() < target && self.read(target - self.received.len()).await {}
        self.awaited = self.received.len();
    }

    /// Reads what is there, at most `len` bytes; `false` at the end.
    async fn read(&mut self, len: usize) -> bool {
        let mut piece = (&mut self.socket).take(len as u64);
        match piece.read_buf(&mut self.received).await {
            Ok(0) if self.is_half_closed => self.end = Some(End::KeptAlive),
            Ok(0) => self.end = Some(End::Closed),
            Ok(_) => return true,
            Err(error) => {
                let known =
                    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
                assert!(known, "a socket fails only by its peer: {error}");
                self.end = Some(End::Reset);
            }
        }
        false
    }

    fn leave(self) -> (Vec<u8>, End) {
        (self.received, self.end.unwrap_or(End::Left))
    }

    /// Reads what still comes, then closes, and reads to the end.
    async fn finish(mut self) -> (Vec<u8>, End) {
        while self.end.is_none() && !self.is_half_closed {
            if timeout(SETTLE, self.read(usize::MAX)).await.is_err() {
                self.half_close().await;
            }
        }
        while self.end.is_none() {
            if timeout(PATIENCE, self.read(usize::MAX)).await.is_err() {
                self.end = Some(End::LeftOpen);
            }
        }
        self.leave()
    }
}
