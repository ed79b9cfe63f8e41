//! tokio-util's `codec`, with this crate's codecs and transports over chains.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::{Buf, BufMut};
use leasehold::{Chain, codec};
pub use leasehold::{
    ChainMut,
    codec::{
        AnyDelimiterCodec, ChainCodec as BytesCodec, Decoder, Encoder, LengthDelimitedCodec,
        LinesCodec,
    },
};

use crate::pool;

/// Its `new` makes this crate's `FramedRead`.
pub struct FramedRead;

impl FramedRead {
    #[allow(clippy::new_ret_no_self)]
    pub fn new<T, D>(io: T, decoder: D) -> codec::FramedRead<T, D> {
        codec::FramedRead::new(io, decoder, pool())
    }
}

/// Its `new` makes this crate's `FramedWrite`.
pub struct FramedWrite;

impl FramedWrite {
    #[allow(clippy::new_ret_no_self)]
    pub fn new<T, E>(io: T, encoder: E) -> codec::FramedWrite<T, E> {
        codec::FramedWrite::new(io, encoder, pool())
    }
}

pub use codec::Framed;

/// Its `new` makes this crate's `FramedParts`.
pub struct FramedParts;

impl FramedParts {
    #[allow(clippy::new_ret_no_self)]
    pub fn new<T, C>(io: T, codec: C) -> codec::FramedParts<T, C> {
        codec::FramedParts::new(io, codec, pool())
    }
}

/// This crate's builder, with the arguments of tokio-util's.
pub mod length_delimited {
    use leasehold::codec::{FramedRead, FramedWrite, LengthDelimitedCodec, length_delimited};

    use crate::pool;

    #[derive(Clone, Debug, Default)]
    pub struct Builder(length_delimited::Builder);

    macro_rules! forward {
        ($($name:ident($($arg:ident: $type:ty)?);)*) => {
            $(pub fn $name(&mut self $(, $arg: $type)?) -> &mut Self {
                self.0.$name($($arg)?);
                self
            })*
        };
    }

    impl Builder {
        pub fn new() -> Self {
            Self::default()
        }

        forward! {
            big_endian();
            little_endian();
            native_endian();
            max_frame_length(len: usize);
            length_field_length(len: usize);
            length_field_offset(len: usize);
            length_adjustment(len: isize);
            num_skip(len: usize);
        }

        pub fn new_codec(&self) -> LengthDelimitedCodec {
            self.0.new_codec()
        }

        pub fn new_read<T>(&self, io: T) -> FramedRead<T, LengthDelimitedCodec> {
            self.0.new_read(io, pool())
        }

        pub fn new_write<T>(&self, io: T) -> FramedWrite<T, LengthDelimitedCodec> {
            self.0.new_write(io, pool())
        }
    }
}

/// A chain with `bytes`, for `BytesMut::from`.
pub fn chain_of(bytes: &[u8]) -> ChainMut {
    let mut chain = ChainMut::new(pool());
    chain.try_extend_from_slice(bytes).expect("a large pool");
    chain
}

/// A `ChainMut` with the constructors and the comparisons of `BytesMut`.
pub struct BytesMut(ChainMut);

impl BytesMut {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(ChainMut::new(pool()))
    }

    pub fn with_capacity(capacity: usize) -> Self {
        let mut new = Self::new();
        new.reserve(capacity);
        new
    }

    pub fn reserve(&mut self, additional: usize) {
        self.0.try_reserve(additional).expect("a large pool");
    }

    /// `BytesMut` grows when bytes are put. A chain has room for what was reserved.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.put_slice(bytes);
    }

    fn to_vec(&self) -> Vec<u8> {
        self.0.chunks().collect::<Vec<_>>().concat()
    }
}

impl Deref for BytesMut {
    type Target = ChainMut;

    fn deref(&self) -> &ChainMut {
        &self.0
    }
}

impl DerefMut for BytesMut {
    fn deref_mut(&mut self) -> &mut ChainMut {
        &mut self.0
    }
}

impl std::ops::Index<usize> for BytesMut {
    type Output = u8;

    fn index(&self, at: usize) -> &u8 {
        &self.0.chunk()[at]
    }
}

impl From<&[u8]> for BytesMut {
    fn from(bytes: &[u8]) -> Self {
        Self(chain_of(bytes))
    }
}

impl From<BytesMut> for Chain {
    fn from(bytes: BytesMut) -> Self {
        bytes.0.into()
    }
}

impl Clone for BytesMut {
    fn clone(&self) -> Self {
        Self(chain_of(&self.to_vec()))
    }
}

impl PartialEq for BytesMut {
    fn eq(&self, other: &Self) -> bool {
        self.to_vec() == other.to_vec()
    }
}

impl PartialEq<BytesMut> for &str {
    fn eq(&self, other: &BytesMut) -> bool {
        self.as_bytes() == other.to_vec()
    }
}

impl fmt::Debug for BytesMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_vec().fmt(f)
    }
}
