//! This crate's types that are `Buf`, each made of given bytes.

use bytes::{BufMut, Bytes};
use leasehold::{Block, BlockMut, Chain, ChainMut};

use crate::pool;

pub fn block_mut(bytes: &[u8]) -> BlockMut {
    let mut block = pool().try_lease(bytes.len().max(1)).expect("a large pool");
    block.put_slice(bytes);
    block
}

pub fn block(bytes: &[u8]) -> Block {
    block_mut(bytes).into()
}

pub fn chain_of_one_block(bytes: &[u8]) -> Chain {
    block(bytes).into()
}

/// Two blocks, the first of one byte.
pub fn chain_of_two_blocks(bytes: &[u8]) -> Chain {
    let (first, rest) = bytes.split_at(bytes.len().min(1));
    [block(first), block(rest)].into_iter().collect()
}

/// As many pieces as `chunks_vectored` of the cases takes: leased ones and foreign ones by turns.
pub fn chain_of_sixteen_pieces(bytes: &[u8]) -> Chain {
    let mut chain = Chain::default();
    for (number, piece) in bytes.chunks(4).enumerate() {
        if number % 2 == 0 {
            chain.push(block(piece));
        } else {
            chain.push(Bytes::copy_from_slice(piece));
        }
    }
    chain
}

pub fn chain_mut(bytes: &[u8]) -> ChainMut {
    crate::native::chain_of(bytes)
}

/// A chain whose bytes are in a linked piece and in its own room.
pub fn chain_mut_of_two(bytes: &[u8]) -> ChainMut {
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut chain = ChainMut::new(pool());
    chain.push(Bytes::copy_from_slice(first));
    chain.try_extend_from_slice(rest).expect("a large pool");
    chain
}
