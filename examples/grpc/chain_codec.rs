//! `ChainCodec`: gRPC messages of plain bytes, in leased blocks.

use bytes::{Buf, BufMut};
use leasehold::{Account, Chain, ChainMut};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// How much is leased and copied at once: a block of this length is there whenever the account has
/// room for it. A longer one needs free neighbours.
const PIECE_LEN: usize = 64 << 10;

/// Reads messages into blocks of one account, such as that of a request.
#[derive(Clone)]
pub(crate) struct ChainCodec {
    account: Account,
}

impl ChainCodec {
    pub(crate) fn new(account: &Account) -> Self {
        Self { account: account.clone() }
    }
}

impl Codec for ChainCodec {
    type Encode = Chain;
    type Decode = Chain;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Decoder for ChainCodec {
    type Item = Chain;
    type Error = Status;

    /// tonic calls this when the whole message is in its own buffer. It cannot wait for memory.
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Chain>, Status> {
        let mut message = ChainMut::new(&self.account);
        while buffer.has_remaining() {
            let len = buffer.chunk().len().min(PIECE_LEN);
            message
                .try_extend_from_slice(&buffer.chunk()[..len])
                .map_err(|error| Status::resource_exhausted(error.to_string()))?;
            buffer.advance(len);
        }
        Ok(Some(message.freeze()))
    }
}

impl Encoder for ChainCodec {
    type Item = Chain;
    type Error = Status;

    /// tonic wants a message in one piece. A block goes home when its bytes are copied.
    fn encode(&mut self, message: Chain, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.len());
        buffer.put(message);
        Ok(())
    }
}
