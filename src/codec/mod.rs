//! Codecs: frames out of chains, and into chains (feature `codec`).
//!
//! [`Decoder`] and [`Encoder`] are what tokio-util's traits of the same names are, over [`ChainMut`] instead of `BytesMut`: a frame is split
//! off without copying, however many blocks it spans, and a payload is linked.

mod decoder;
mod encoder;

pub use self::{
    decoder::Decoder,
    encoder::{Encoder, HEAD_ROOM},
};
