//! Codecs: frames out of chains, and into chains (feature `codec`).
//!
//! [`Decoder`] and [`Encoder`] are what tokio-util's traits of the same names are, over
//! [`ChainMut`] instead of `BytesMut`: a frame is split off without copying, however many blocks it
//! spans, and a payload is linked.
//!
//! [`ChainMut`]: crate::ChainMut
//!
//! | codec | item | for |
//! |---|---|---|
//! | [`LengthDelimitedCodec`] | [`Chain`](crate::Chain) | frames that begin with their length, in any of the usual ways to write it |
//! | [`LinesCodec`] | `String` | lines of text |
//! | [`AnyDelimiterCodec`] | [`Chain`](crate::Chain) | what stands between delimiters, text or not |
//! | [`ChainCodec`] | [`Chain`](crate::Chain) | bytes as they come |
//!
//! They answer the same bytes with the same frames and errors as tokio-util's, but for the lengths
//! that [`length_delimited`] names; what an error says, and its type, are this crate's.

mod any_delimiter;
mod chain;
pub mod compat;
mod decoder;
mod delimited_error;
mod encoder;
mod framed;
mod framed_parts;
mod framed_read;
mod framed_write;
pub mod length_delimited;
mod lines;
mod reading;
mod seek;
mod states;
mod writing;

pub use self::{
    any_delimiter::{AnyDelimiterCodec, AnyDelimiterCodecError},
    chain::ChainCodec,
    decoder::Decoder,
    encoder::{Encoder, HEAD_ROOM},
    framed::Framed,
    framed_parts::FramedParts,
    framed_read::FramedRead,
    framed_write::FramedWrite,
    length_delimited::{LengthDelimitedCodec, LengthDelimitedCodecError},
    lines::{LinesCodec, LinesCodecError},
};
