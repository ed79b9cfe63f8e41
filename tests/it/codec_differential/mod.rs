//! The codecs against tokio-util's: the same bytes, cut at every position, give the same frames and
//! errors.
//!
//! Each stream is read twice by the same codec, for both go on after an end. After each read the
//! bytes that are left are compared too. What may differ is what an error says: [`fault::Fault`]
//! tells which texts mean the same.

mod cut;
mod delimited;
mod encoders;
pub(crate) mod fault;
mod feed;
mod head;
mod length_delimited;
mod random;
mod reader;
