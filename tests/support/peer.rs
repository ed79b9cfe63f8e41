//! `Peer`: the other side of a connection, which speaks raw bytes.

use leasehold::ws::Role;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use super::frame::{CLOSE, Frame, wire};

pub(crate) struct Peer<T> {
    pub(crate) io: T,
    /// Of the socket that it talks to.
    role: Role,
    read: Vec<u8>,
}

/// A transport for a socket of this role, and the peer at its other end.
pub(crate) fn duplex(role: Role, len: usize) -> (DuplexStream, Peer<DuplexStream>) {
    let (near, far) = tokio::io::duplex(len);
    (near, Peer::new(far, role))
}

impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// Of a socket that has this role.
    pub(crate) fn new(io: T, role: Role) -> Self {
        Self { io, role, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, frame: Frame) {
        self.send_all([frame]).await;
    }

    /// Sends them with one call.
    pub(crate) async fn send_all(&mut self, frames: impl IntoIterator<Item = Frame>) {
        let role = self.role;
        let bytes = wire(frames.into_iter().map(|frame| frame.to(role)));
        self.io.write_all(&bytes).await.unwrap();
    }

    /// The next frame; none at the end.
    ///
    /// # Panics
    /// If the end comes within a frame, or a frame is masked that should not be, or the other way
    /// round.
    pub(crate) async fn recv(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, len)) = Frame::parse(&self.read) {
                self.read.drain(..len);
                assert_eq!(frame.mask.is_some(), self.role == Role::Client, "{frame:?}");
                return Some(Frame { mask: None, ..frame });
            }
            if self.io.read_buf(&mut self.read).await.unwrap() == 0 {
                assert!(self.read.is_empty(), "the end comes within a frame");
                return None;
            }
        }
    }

    /// Asserts that a close frame comes next, and nothing behind it; then ends the connection.
    pub(crate) async fn assert_closed(mut self, code: u16) {
        let frame = self.recv().await.expect("a close frame");
        assert_eq!((frame.opcode(), frame.close_code()), (CLOSE, Some(code)), "{frame:?}");
        self.assert_end().await;
    }

    /// Asserts that nothing more comes, and ends the connection.
    pub(crate) async fn assert_end(mut self) {
        if self.role == Role::Client {
            // A client waits for the end.
            self.io.shutdown().await.unwrap();
        }
        assert_eq!(self.recv().await, None);
    }
}
