//! Chains in and out of sockets.
//!
//! Nothing is leased before bytes have arrived. One call moves many bytes. A block goes home as
//! soon as it is sent.
//!
//! | | reads or writes | holds while it waits |
//! |---|---|---|
//! | [`ChainReader`] | any `AsyncRead` into a [`ChainMut`](crate::ChainMut) | nothing |
//! | [`poll_write_buf`], [`write_all_buf`] | a [`Chain`](crate::Chain), or any `Buf`, into any `AsyncWrite` | what is not sent yet |
//! | [`Outbox`] | chains from many senders, to one peer | what is not sent yet, up to its high mark |
//! | [`BufStream`] | as tokio's `BufStream`, `BufReader` and `BufWriter` | what is not read or flushed yet |
//! | [`Relay`], [`copy_bidirectional`] | between two transports, both ways | what the other side has not taken yet |
//!
//! # Sockets
//! Bare sockets of tokio, their halves and mutable references to either are recognised by their
//! type, in every function here that is generic over a transport, and in an [`AnyStream`]. The
//! halves of `tokio::io::split` are not recognised: use those of `TcpStream::split` or
//! `into_split`. A socket is asked for readiness first, and then read with one call into up to
//! eight blocks. Any other transport (TLS, a pipe in memory) is polled with a leased block, which
//! goes back if the answer is `Pending`.
//!
//! # Invariants
//! - LATE: no block is leased before bytes are there. While a task waits for readiness, it holds
//!   blocks only for bytes that arrived.
//! - NO-TRUST: a length that a peer announces never sizes a lease. Memory grows as bytes arrive.
//! - LARGE-CALL: a call is sized by bytes, not by blocks: up to 512 KiB in eight blocks.
//! - SHORT: a call that moved less than was offered tells tokio that the socket is not ready, so
//!   that no second call follows that finds nothing. tokio's own reads and writes do the same, with
//!   the same consequence: if a read stops before bytes that are there (at urgent data, or at
//!   descriptors that came over a Unix socket), these bytes wait for the next event. A TCP socket
//!   that was read full once tells how much it has left.

mod again;
mod any_stream;
mod buf_stream;
mod chain_reader;
mod mark;
mod outbox;
mod read;
#[allow(unsafe_code)]
mod recognised;
mod relay;
mod server_state;
#[allow(unsafe_code)]
mod socket;
mod tether;
mod write;

pub(crate) use self::{
    again::poll_again,
    mark::Mark,
    read::{poll_read_buf, poll_read_piece},
    recognised::{as_tcp, is_leaving, is_socket, peek_now, poll_readable, recv_now, recv_room},
    server_state::ServerState,
    tether::Tether,
    write::{poll_write_all_buf, poll_write_slices},
};
pub use self::{
    any_stream::AnyStream,
    buf_stream::{BufStream, BufStreamParts},
    chain_reader::ChainReader,
    outbox::{FlushError, Outbox, OutboxBuilder, OutboxWriter, Policy, SendError},
    relay::{Relay, copy_bidirectional},
    socket::limit_unsent,
    write::{poll_write_buf, write_all_buf},
};
