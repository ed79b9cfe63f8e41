//! tungstenite as a reader.

use std::io::{self, Read, Write};

use leasehold::ws::Role;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{self, WebSocket, WebSocketConfig},
};

use super::{
    compare::LEN_MAX,
    outcome::{Outcome, Seen},
};

/// A stream in pieces of so many bytes; what is written is lost.
struct Pieces<'a> {
    bytes: &'a [u8],
    cut: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (piece, rest) = self.bytes.split_at(self.bytes.len().min(self.cut).min(buf.len()));
        buf[..piece.len()].copy_from_slice(piece);
        self.bytes = rest;
        Ok(piece.len())
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn read(role: Role, bytes: &[u8], cut: usize) -> Outcome {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .max_frame_size(Some(LEN_MAX))
        .max_message_size(Some(LEN_MAX));
    let mut socket = WebSocket::from_raw_socket(Pieces { bytes, cut }, role, Some(config));
    let mut messages = Vec::new();
    loop {
        messages.push(match socket.read() {
            Ok(Message::Text(text)) => Seen::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Message::Close(frame)) => Seen::Close(
                frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned())),
            ),
            Ok(Message::Frame(_)) => unreachable!("only messages are read"),
            // Whatever comes behind a close frame.
            Err(_) if matches!(messages.last(), Some(Seen::Close(_))) => {
                return Outcome { messages, failure: None };
            }
            Err(error) => return Outcome { messages, failure: Some(error.to_string()) },
        });
    }
}
