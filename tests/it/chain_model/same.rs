//! What both models compare, and the bytes that they write.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, BufMut};
use leasehold::{Chain, Pool};

/// Tiny classes, so that short chains have many pieces.
pub(crate) fn pool() -> Pool {
    Pool::builder().budget(256 << 10).classes([16, 64, 256, 1024]).build().expect("a small pool")
}

pub(crate) fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| seed.wrapping_mul(31).wrapping_add(at as u8)).collect()
}

/// Everything that `Buf` says of `buf` is what the model says.
pub(crate) fn assert_same(buf: &impl Buf, model: &VecDeque<u8>) {
    let bytes: Vec<u8> = model.iter().copied().collect();
    assert_eq!(buf.remaining(), bytes.len());
    assert_eq!(buf.chunk().is_empty(), bytes.is_empty());
    assert!(bytes.starts_with(buf.chunk()));
    let mut slices = vec![IoSlice::new(&[]); bytes.len() + 1];
    let count = buf.chunks_vectored(&mut slices);
    let listed: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
    assert_eq!(listed, bytes, "FULL-VECTOR: all pieces are listed");
    assert!(slices[..count].iter().all(|slice| !slice.is_empty()), "no listed piece is empty");
    for places in 0..count {
        let mut few = vec![IoSlice::new(&[]); places];
        assert_eq!(buf.chunks_vectored(&mut few), places, "every place is used");
    }
}

pub(crate) fn written(pool: &Pool, bytes: &[u8]) -> Chain {
    let mut chain = pool.try_chain(bytes.len()).expect("room for a few bytes");
    chain.put_slice(bytes);
    chain.freeze()
}
