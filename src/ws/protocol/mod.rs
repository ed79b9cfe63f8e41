//! Frames and messages of RFC 6455: from bytes, and to bytes.

pub(in crate::ws) mod close;
pub(in crate::ws) mod error;
pub(in crate::ws) mod header;
pub(in crate::ws) mod mask;
pub(in crate::ws) mod masking;
pub(in crate::ws) mod message;
pub(in crate::ws) mod outgoing;
pub(in crate::ws) mod reading;
pub(in crate::ws) mod role;
pub(in crate::ws) mod utf8;
pub(in crate::ws) mod utf8_chain;
pub(in crate::ws) mod violation;
