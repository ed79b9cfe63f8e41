//! `ChainCodec`: bytes without frames.

use std::io;

use super::{Decoder, Encoder};
use crate::chain::{Chain, ChainMut};

/// Bytes without frames: all bytes that have arrived are one [`Chain`], and chains are sent as they
/// are.
///
/// It is the counterpart of tokio-util's `BytesCodec`.
///
/// # Memory
/// Nothing is copied, unless few bytes would keep a large block (NO-PIN).
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use leasehold::{ChainMut, Pool, codec::{ChainCodec, Decoder, Encoder}};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut codec = ChainCodec::new();
/// let mut wire = ChainMut::new(&pool);
/// codec.encode(Bytes::from_static(b"some"), &mut wire)?;
/// codec.encode(Bytes::from_static(b"thing"), &mut wire)?;
/// assert_eq!(codec.decode(&mut wire)?.expect("bytes"), *b"something");
/// assert_eq!(codec.decode(&mut wire)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "BytesCodec")]
pub struct ChainCodec(());

impl ChainCodec {
    /// Makes the codec. It has no settings.
    pub fn new() -> Self {
        Self(())
    }
}

impl Decoder for ChainCodec {
    type Item = Chain;
    type Error = io::Error;

    /// It never fails.
    fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<Chain>> {
        Ok((!src.is_empty()).then(|| src.split_frame(src.len())))
    }
}

/// Links every type that becomes a chain: [`Chain`], [`ChainMut`], [`Bytes`](bytes::Bytes),
/// [`Segment`](crate::Segment), [`Block`](crate::Block), [`BlockMut`](crate::BlockMut).
impl<T: Into<Chain>> Encoder<T> for ChainCodec {
    type Error = io::Error;

    /// It never fails.
    fn encode(&mut self, bytes: T, dst: &mut ChainMut) -> io::Result<()> {
        dst.append(bytes.into());
        Ok(())
    }

    fn head_room(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes};

    use super::*;
    use crate::Pool;

    #[test]
    fn chains_and_what_becomes_one_are_linked() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut codec = ChainCodec::new();
        let mut dst = ChainMut::new(&pool);
        let mut block = pool.try_lease(1_000).expect("a block");
        block.put_bytes(b'a', 1_000);
        let mut chain = pool.try_chain(1_000).expect("room");
        chain.put_bytes(b'b', 1_000);
        let leased = pool.leased();
        codec.encode(block, &mut dst).expect("linked");
        codec.encode(chain, &mut dst).expect("linked");
        codec.encode(Bytes::from(vec![b'c'; 1_000]), &mut dst).expect("linked");
        assert_eq!(pool.leased(), leased);
        let all = codec.decode(&mut dst).expect("never fails").expect("bytes");
        assert_eq!(all.segment_count(), 3);
        assert_eq!(all.len(), 3_000);
        drop(all);
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn few_bytes_do_not_keep_a_large_block() {
        let pool = Pool::new(4 << 20).expect("a pool");
        let mut src = pool.try_chain(64 << 10).expect("a block");
        src.put_slice(b"few");
        let all = ChainCodec::new().decode(&mut src).expect("never fails").expect("bytes");
        drop(src);
        assert_eq!(pool.leased(), 1 << 10);
        drop(all);
        assert_eq!(pool.leased(), 0);
    }
}
