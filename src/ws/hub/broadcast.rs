//! `Broadcast`: one message, shared by all members that have not sent it yet.

use std::sync::Arc;

use crate::{
    chain::Chain,
    ws::protocol::{
        header::{Header, OpCode},
        message::Message,
        utf8_chain::Utf8Chain,
    },
};

/// What a message counts beside its bytes: a header, and its places in the queues.
const COST: usize = 64;

/// A message that is broadcast. It exists once; each mailbox that has it holds a handle.
#[derive(Debug)]
pub(super) struct Broadcast {
    pub(super) header: Header,
    pub(super) payload: Chain,
    /// How much memory the message keeps leased, in bytes.
    pub(super) pinned: usize,
}

impl Broadcast {
    /// Makes a broadcast of a message. Gives a close frame back: each socket sends its own.
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

    /// What the message counts in a mailbox.
    pub(super) fn cost(&self) -> usize {
        self.payload.len() + COST
    }

    /// The share of one holder: the memory of the message divided by the number of its holders.
    pub(super) fn share(self: &Arc<Self>) -> usize {
        self.pinned / Arc::strong_count(self)
    }
}
