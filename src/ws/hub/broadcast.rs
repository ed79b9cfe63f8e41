//! `Broadcast`: one message, for all who have not sent it yet.

use std::sync::Arc;

use crate::{
    chain::Chain,
    ws::protocol::{
        header::{Header, OpCode},
        message::Message,
        utf8_chain::Utf8Chain,
    },
};

/// What one costs beside its bytes: a frame's head, and its places in the queues.
const COST: usize = 64;

/// A message as it is sent: there is one, and each mailbox that has it holds a handle.
#[derive(Debug)]
pub(super) struct Broadcast {
    pub(super) header: Header,
    pub(super) payload: Chain,
    /// What is pinned while anybody holds it, in bytes.
    pub(super) pinned: usize,
}

impl Broadcast {
    /// Of a message that can be broadcast; a close frame is each socket's own.
    pub(super) fn new(message: Message) -> Result<Self, Message> {
        let (opcode, payload) = match message {
            Message::Text(text) => (OpCode::Text, text.into_chain()),
            Message::Binary(chain) => (OpCode::Binary, chain),
            Message::Ping(chain) => (OpCode::Ping, chain),
            Message::Pong(chain) => (OpCode::Pong, chain),
            Message::Close(_) => return Err(message),
        };
        let header = Header::new(opcode, payload.len());
        let blocks: usize =
            payload.segments().map(|segment| segment.block_capacity().max(segment.len())).sum();
        Ok(Self { header, payload, pinned: blocks + COST })
    }

    /// The message again.
    pub(super) fn to_message(&self) -> Message {
        let payload = self.payload.clone();
        match self.header.opcode {
            OpCode::Text => Message::Text(Utf8Chain::checked(payload)),
            OpCode::Ping => Message::Ping(payload),
            OpCode::Pong => Message::Pong(payload),
            _ => Message::Binary(payload),
        }
    }

    /// What a mailbox counts for it.
    pub(super) fn cost(&self) -> usize {
        self.payload.len() + COST
    }

    /// What one of its holders answers for: what it pins, divided by all who do.
    pub(super) fn share(self: &Arc<Self>) -> usize {
        self.pinned / Arc::strong_count(self)
    }
}
