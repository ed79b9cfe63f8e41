//! `FramedParts`: what a framed transport is made of.

use crate::{chain::ChainMut, pool::Account};

/// What a [`Framed`](super::Framed) is made of, and taken apart to: a transport, a codec, and the
/// bytes between them.
#[derive(Debug)]
#[non_exhaustive]
pub struct FramedParts<T, C> {
    /// The transport.
    pub io: T,
    /// The codec.
    pub codec: C,
    /// Bytes that were read and not decoded.
    pub read_buf: ChainMut,
    /// Bytes that were encoded and not sent.
    pub write_buf: ChainMut,
}

impl<T, C> FramedParts<T, C> {
    /// A transport without any buffered bytes, that leases from `pool`.
    pub fn new(io: T, codec: C, account: &Account) -> Self {
        Self { io, codec, read_buf: ChainMut::new(account), write_buf: ChainMut::new(account) }
    }

    /// Of one half only: the other buffer is empty, and leases from the same pool.
    pub(super) fn with_read_buf(io: T, codec: C, read_buf: ChainMut) -> Self {
        Self { io, codec, write_buf: read_buf.sibling(), read_buf }
    }

    /// As `with_read_buf`, of the other half.
    pub(super) fn with_write_buf(io: T, codec: C, write_buf: ChainMut) -> Self {
        Self { io, codec, read_buf: write_buf.sibling(), write_buf }
    }
}
