//! `Peer`: one hostile client, a bare socket that never blocks.

use std::{
    io::{self, ErrorKind::WouldBlock, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, SockRef, Socket, Type};

use crate::attack::{site::until, wire::close_code};

/// What the system holds for a peer that does not read: little, so that it is the server who has
/// the rest.
const RECEIVED_MAX: usize = 16 << 10;

/// And for one that the server does not read: it would be megabytes, which take their time.
const SENT_MAX: usize = 128 << 10;

/// Whoever takes nothing for so long is stuck.
const STUCK: Duration = Duration::from_millis(400);

pub(crate) struct Peer {
    socket: TcpStream,
    /// Where in its bytes a flood goes on.
    at: usize,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(RECEIVED_MAX).expect("an option");
        socket.set_send_buffer_size(SENT_MAX).expect("an option");
        socket.connect(&address.into()).expect("the server listens");
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true).expect("an option");
        socket.set_nonblocking(true).expect("an option");
        Self { socket, at: 0 }
    }

    pub(crate) fn crowd(address: SocketAddr, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::connect(address)).collect()
    }

    /// Sends all of it to a server that reads.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) {
        until("what is sent is read", || {
            bytes = &bytes[self.pour(bytes).expect("the server reads")..];
            bytes.is_empty()
        });
    }

    /// Sends what the system takes.
    ///
    /// # Errors
    /// The server has ended the connection.
    pub(crate) fn pour(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.write(bytes) {
            Err(error) if error.kind() == WouldBlock => Ok(0),
            written => written,
        }
    }

    /// Goes on sending `bytes` again and again, as much as the system takes.
    ///
    /// # Errors
    /// The server has ended the connection.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.pour(&bytes[self.at..])?;
        self.at = (self.at + count) % bytes.len();
        Ok(count)
    }

    /// Reads at most `room.len()` bytes that are there.
    pub(crate) fn sip(&mut self, room: &mut [u8]) -> usize {
        self.socket.read(room).unwrap_or(0)
    }

    /// Waits for the end of the connection; all that came before. A reset is an end, too.
    pub(crate) fn heard_to_the_end(&mut self) -> Vec<u8> {
        let (mut heard, mut room) = (Vec::new(), [0; 4 << 10]);
        until("the connection is ended", || {
            match self.socket.read(&mut room) {
                Ok(0) => return true,
                Ok(count) => heard.extend_from_slice(&room[..count]),
                Err(error) => return error.kind() != WouldBlock,
            }
            false
        });
        heard
    }

    /// Waits for so many bytes.
    pub(crate) fn heard(&mut self, len: usize) -> Vec<u8> {
        let (mut heard, mut at) = (vec![0; len], 0);
        until("the server answers", || {
            at += self.sip(&mut heard[at..]);
            at == len
        });
        heard
    }

    /// Waits for what ends so.
    pub(crate) fn hear(&mut self, end: &[u8]) {
        let (mut heard, mut room) = (Vec::new(), [0; 1 << 10]);
        until("the server answers", || {
            let count = self.sip(&mut room);
            heard.extend_from_slice(&room[..count]);
            heard.ends_with(end)
        });
    }

    /// Whether the server has ended the connection, and nothing is left to be read.
    pub(crate) fn is_cut(&self) -> bool {
        !self.socket.peek(&mut [0]).is_ok_and(|count| count > 0) && !self.is_quiet()
    }

    fn is_quiet(&self) -> bool {
        self.socket.peek(&mut [0]).is_err_and(|error| error.kind() == WouldBlock)
    }

    /// Says that nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.socket.shutdown(Shutdown::Write).expect("a connection");
    }

    /// Goes with a reset instead of an end.
    pub(crate) fn vanish(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}

/// Lets all of them send `bytes` again and again, until nobody takes any more for a while; how many
/// bytes were taken.
pub(crate) fn flood_until_stuck(peers: &mut [Peer], bytes: &[u8]) -> usize {
    let (mut taken, mut moved) = (0, Instant::now());
    until("the server stops reading", || {
        let count: usize =
            peers.iter_mut().map(|peer| peer.flood(bytes).expect("it is not cut")).sum();
        if count > 0 {
            moved = Instant::now();
        }
        taken += count;
        moved.elapsed() > STUCK
    });
    taken
}

/// Lets all of them send `bytes` again and again, until the server has ended all connections; how
/// many bytes were taken.
pub(crate) fn flood_until_cut(
    peers: &mut Vec<Peer>,
    bytes: &[u8],
    mut look: impl FnMut(),
) -> usize {
    let mut taken = 0;
    until("all are cut", || {
        peers.retain_mut(|peer| peer.flood(bytes).map(|count| taken += count).is_ok());
        look();
        peers.is_empty()
    });
    taken
}

/// Lets all of them send `bytes` again and again, until each is told that it is closed; how many
/// bytes were taken, and the codes.
pub(crate) fn flood_until_told(
    peers: &mut [Peer],
    bytes: &[u8],
    mut look: impl FnMut(),
) -> (usize, Vec<u16>) {
    let (mut taken, mut codes) = (0, vec![None; peers.len()]);
    until("all are told", || {
        for (peer, code) in peers.iter_mut().zip(&mut codes).filter(|(_, code)| code.is_none()) {
            taken += peer.flood(bytes).expect("who is told is not cut at once");
            let mut heard = [0; 200];
            let count = peer.sip(&mut heard);
            *code = close_code(&heard[..count]);
        }
        look();
        codes.iter().all(Option::is_some)
    });
    (taken, codes.into_iter().flatten().collect())
}
