//! Codecs that were written for tokio-util, as they are, on a transport that holds nothing while it
//! is idle.
//!
//! [`Framed`] takes any `tokio_util::codec::Decoder` and `Encoder` and gives the same frames and
//! errors as tokio-util's `Framed`; only the import changes. tokio-util's keeps 8 KiB for each
//! direction from the start, and whatever the largest message needed for ever; this one gets a
//! buffer when bytes have arrived, and lets go of it when they are decoded or sent.
//!
//! Such codecs read from a `BytesMut`, which cannot be made of leased blocks: the buffers come from
//! the allocator. With [`Framed::charge_to`] their capacity is reserved from a pool, and counts in
//! its accounts and its budget; without, it does not. A frame that was given out is charged to
//! nobody, even one that is a view of a whole buffer.

mod buffer;
mod framed;

pub use self::framed::{Framed, FramedParts};
