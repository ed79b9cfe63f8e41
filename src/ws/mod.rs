//! WebSocket (RFC 6455) whose messages are chains (feature `ws`).
//!
//! A [`WebSocket`] is a stream and a sink of [`Message`]s. A payload stays in the leased blocks it was read into: unmasked and checked in
//! place, fragments joined without copying; what is sent goes out of the blocks it lies in, behind a header that needs none. Between messages
//! a socket holds no block. A [`Hub`] sends one message to many.

mod close;
mod config;
mod error;
mod header;
mod hub;
mod mask;
mod masking;
mod message;
mod outgoing;
mod reading;
mod utf8;
mod utf8_chain;
mod violation;
mod web_socket;

pub use self::{
    close::{CloseCode, CloseFrame},
    config::Config,
    error::Error,
    hub::{Hub, HubBuilder, HubError, Member, SlowPolicy},
    message::Message,
    utf8_chain::{NotUtf8Error, Utf8Chain},
    web_socket::{Role, WebSocket},
};
