//! Codecs: frames out of chains, and into chains (feature `codec`).
//!
//! [`Decoder`] and [`Encoder`] are what tokio-util's traits of the same names are, over [`ChainMut`] instead of `BytesMut`: a frame is split
//! off without copying, however many blocks it spans, and a payload is linked.

pub mod compat;
mod decoder;
mod encoder;
mod framed;
mod framed_parts;
mod framed_read;
mod framed_write;
mod reading;
mod states;
mod writing;

pub use self::{
    decoder::Decoder,
    encoder::{Encoder, HEAD_ROOM},
    framed::Framed,
    framed_parts::FramedParts,
    framed_read::FramedRead,
    framed_write::FramedWrite,
};
