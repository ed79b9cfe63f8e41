//! This crate as a reader.

use std::sync::Arc;

use leasehold::{
    Pool,
    ws::{Config, Error, Message, Role, WebSocket},
};

use super::{
    compare::LEN_MAX,
    outcome::{Outcome, Seen},
    transport::{Faulty, once},
};

fn socket(io: Faulty, role: Role, pool: &Pool) -> WebSocket<Faulty> {
    let config = Config::new()
        .max_frame_size(LEN_MAX)
        .max_message_size(LEN_MAX)
        .max_controls(u32::MAX)
        .max_fragments(u32::MAX);
    WebSocket::with_config(io, role, pool, Arc::new(config))
}

/// In pieces of so many bytes.
pub(crate) async fn read(role: Role, bytes: &[u8], cut: usize, pool: &Pool) -> Outcome {
    let mut socket = socket(Faulty::new(bytes).cut(cut), role, pool);
    let mut outcome = Outcome { messages: Vec::new(), failure: None };
    while let Some(received) = socket.recv().await {
        note(received, &mut outcome);
    }
    outcome
}

/// The first bytes, and the others when all of those are read.
pub(crate) async fn read_in_two(role: Role, bytes: &[u8], at: usize, pool: &Pool) -> Outcome {
    let mut socket = socket(Faulty::new(&bytes[..at]).staying_open(), role, pool);
    let mut outcome = Outcome { messages: Vec::new(), failure: None };
    while let std::task::Poll::Ready(Some(received)) = once(socket.recv()).await {
        note(received, &mut outcome);
    }
    socket.get_mut().feed(&bytes[at..]);
    while let std::task::Poll::Ready(Some(received)) = once(socket.recv()).await {
        note(received, &mut outcome);
    }
    // There is no end: it is open, and waits for more, or it was closed.
    if socket.is_open() {
        outcome.failure = Some("the end".to_owned());
    }
    outcome
}

fn note(received: Result<Message, Error>, outcome: &mut Outcome) {
    outcome.messages.push(match received {
        Err(error) => return outcome.failure = Some(error.to_string()),
        Ok(Message::Text(text)) => Seen::Text(text.into_chain().to_vec()),
        Ok(Message::Binary(chain)) => Seen::Binary(chain.to_vec()),
        Ok(Message::Ping(chain)) => Seen::Ping(chain.to_vec()),
        Ok(Message::Pong(chain)) => Seen::Pong(chain.to_vec()),
        Ok(Message::Close(frame)) => {
            Seen::Close(frame.map(|frame| (frame.code.get(), frame.reason.into_owned())))
        }
    });
}
