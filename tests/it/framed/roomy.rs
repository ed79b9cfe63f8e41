//! `Roomy`: a codec that asks for room for a head, as one does that has more to write than a
//! length.

use std::io;

use bytes::Bytes;
use leasehold::{
    Chain, ChainMut,
    codec::{Decoder, Encoder, LengthDelimitedCodec},
};

#[derive(Debug)]
pub(crate) struct Roomy(LengthDelimitedCodec);

impl Roomy {
    pub(crate) fn new() -> Self {
        Self(LengthDelimitedCodec::new())
    }
}

impl Decoder for Roomy {
    type Item = Chain;
    type Error = io::Error;

    fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<Chain>> {
        self.0.decode(src)
    }
}

impl Encoder<Bytes> for Roomy {
    type Error = io::Error;

    fn encode(&mut self, item: Bytes, dst: &mut ChainMut) -> io::Result<()> {
        self.0.encode(item, dst)
    }
}

impl Encoder<Chain> for Roomy {
    type Error = io::Error;

    fn encode(&mut self, item: Chain, dst: &mut ChainMut) -> io::Result<()> {
        self.0.encode(item, dst)
    }
}
