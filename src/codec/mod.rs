//! Codecs: frames out of chains, and into chains (feature `codec`).
//!
//! [`Decoder`] and [`Encoder`] are tokio-util's traits of the same names, over [`ChainMut`] instead
//! of `BytesMut`. A frame is split off without copying, even if it spans many blocks, and a payload
//! is linked.
//!
//! [`ChainMut`]: crate::ChainMut
//!
//! | codec | item | for |
//! |---|---|---|
//! | [`LengthDelimitedCodec`] | [`Chain`](crate::Chain) | frames that begin with their length, in any of the usual ways to write it |
//! | [`LinesCodec`] | `String` | lines of text |
//! | [`AnyDelimiterCodec`] | [`Chain`](crate::Chain) | frames between delimiters, text or not |
//! | [`ChainCodec`] | [`Chain`](crate::Chain) | bytes without frames |
//!
//! For the same bytes they give the same frames and errors as tokio-util's codecs, except for the
//! lengths that [`length_delimited`] names. The types and the texts of the errors are this crate's.

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
