//! Clients that hear what a feed says.

use std::{
    io::Read,
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
    time::Duration,
};

use socket2::SockRef;

use super::feeds::{BYTE, LEN};

/// A client reads so much: the payload, and a head of four bytes (RFC 6455 §5.2).
const FRAME_LEN: usize = 4 + LEN;

/// Plain sockets.
#[derive(Default)]
pub(crate) struct Audience {
    clients: Vec<TcpStream>,
}

impl Audience {
    /// Connects until there are so many.
    pub(crate) fn grow(&mut self, address: SocketAddr, count: usize) {
        while self.clients.len() < count {
            self.clients.push(connect(address));
        }
    }

    /// Whether all have heard a message, which is looked at. One that came too early is heard by
    /// the first ones only.
    pub(crate) fn has_heard(&mut self) -> bool {
        let mut room = vec![0; FRAME_LEN];
        let mut hear = |client: &mut TcpStream| {
            client.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
            let is_heard = client.read_exact(&mut room).is_ok();
            client.set_read_timeout(None).expect("a socket");
            is_heard
        };
        let is_heard = self.clients.iter_mut().all(&mut hear);
        if is_heard {
            assert!(
                room[..4] == [0x82, 126, 0x30, 0] && room[4..].iter().all(|&byte| byte == BYTE)
            );
        }
        is_heard
    }

    /// Until the last one has it. From the last one on, so that the server wakes this thread once
    /// or twice, and not for each client; and into nowhere (tcp(7), MSG_TRUNC).
    pub(crate) fn hear(&mut self) {
        for client in self.clients.iter().rev() {
            let flags = libc::MSG_TRUNC | libc::MSG_WAITALL;
            // SAFETY: the descriptor is open, and nothing is written to.
            let count =
                unsafe { libc::recv(client.as_raw_fd(), std::ptr::null_mut(), FRAME_LEN, flags) };
            assert_eq!(count, FRAME_LEN as isize, "the server is there");
        }
    }
}

/// A connection that is reset at its end, so that its port is free at once.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a listener");
    stream.set_nodelay(true).expect("a socket");
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    stream
}
