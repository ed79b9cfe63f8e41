//! Codecs that were written for tokio-util, unchanged, on a transport that holds nothing while it
//! is idle.
//!
//! [`Framed`], [`FramedRead`] and [`FramedWrite`] take any `tokio_util::codec::Decoder` and
//! `Encoder`, and give the same frames and errors as tokio-util's; only the import changes.
//! tokio-util's `Framed` keeps 8 KiB for each direction from the start, and later as much as the
//! largest message needed. This one gets a buffer when bytes have arrived, and frees it when they
//! are decoded or sent.
//!
//! These codecs read from a `BytesMut`, which cannot be made of leased blocks, so the buffers come
//! from the allocator. With [`Framed::charge_to`] their capacity is reserved from a pool, and
//! counts in its accounts and its budget. Without it, it does not count. A frame that was returned
//! is charged to no account, even if it is a view of a whole buffer.

mod buffer;
mod framed;
mod framed_read;
mod framed_write;

pub use self::{
    framed::{Framed, FramedParts},
    framed_read::FramedRead,
    framed_write::FramedWrite,
};
