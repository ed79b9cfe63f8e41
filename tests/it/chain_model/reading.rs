//! `Step`: what is done to a `Chain`, and to a deque beside it.

use std::{collections::VecDeque, io::Read};

use bytes::{Buf, BufMut, Bytes};
use leasehold::Chain;

use super::same::{assert_same, pattern, pool, written};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    PushBlock(usize),
    PushBytes(usize),
    PushFront(usize),
    PushChain(usize),
    SplitTo(usize),
    SplitOff(usize),
    SplitAndRejoin(usize),
    Advance(usize),
    Truncate(usize),
    Slice(usize, usize),
    Take(usize),
    CopyToBytes(usize),
    Read(usize),
    CloneAndDrop,
    PopFront,
    Compact,
}

pub(crate) fn run_chain(steps: &[Step]) {
    let pool = pool();
    let mut chain = Chain::new();
    let mut model: VecDeque<u8> = VecDeque::new();
    for (seed, step) in steps.iter().enumerate() {
        let seed = seed as u8;
        let within = |at: usize| at % (model.len() + 1);
        match *step {
            Step::PushBlock(len) => {
                let bytes = pattern(seed, len);
                let mut block = pool.try_lease(len).expect("a block");
                block.put_slice(&bytes);
                chain.push(block);
                model.extend(bytes);
            }
            Step::PushBytes(len) => {
                let bytes = pattern(seed, len);
                chain.push(Bytes::from(bytes.clone()));
                model.extend(bytes);
            }
            Step::PushFront(len) => {
                let bytes = pattern(seed, len.min(16));
                chain.push_front(Bytes::from(bytes.clone()));
                bytes.iter().rev().for_each(|&byte| model.push_front(byte));
            }
            Step::PushChain(len) => {
                let bytes = pattern(seed, len);
                chain.append(written(&pool, &bytes));
                model.extend(bytes);
            }
            Step::SplitTo(at) => {
                let at = within(at);
                let head = chain.split_to(at);
                assert_same(&head, &model.drain(..at).collect());
            }
            Step::SplitOff(at) => {
                let at = within(at);
                let tail = chain.split_off(at);
                assert_same(&tail, &model.split_off(at));
            }
            Step::SplitAndRejoin(at) => {
                let tail = chain.split_off(within(at));
                chain.append(tail);
            }
            Step::Advance(count) => {
                let count = within(count);
                chain.advance(count);
                model.drain(..count);
            }
            Step::Truncate(len) => {
                chain.truncate(len);
                model.truncate(len);
            }
            Step::Slice(begin, len) => {
                let begin = within(begin);
                let end = begin + len % (model.len() - begin + 1);
                let slice = chain.slice(begin..end);
                assert_same(&slice, &model.range(begin..end).copied().collect());
            }
            Step::Take(len) => {
                chain = chain.take(len);
                model.truncate(len);
            }
            Step::CopyToBytes(len) => {
                let len = within(len);
                let is_one_piece = len <= chain.chunk().len();
                let front = chain.chunk().as_ptr();
                let bytes = chain.copy_to_bytes(len);
                assert_eq!(bytes[..], *model.drain(..len).collect::<Vec<u8>>());
                assert!(
                    !is_one_piece || len == 0 || bytes.as_ptr() == front,
                    "one piece is linked, not copied"
                );
            }
            Step::Read(len) => {
                let mut bytes = vec![0; len];
                let count = chain.read(&mut bytes).expect("a chain never fails to read");
                assert_eq!(count, len.min(model.len()));
                assert_eq!(bytes[..count], *model.drain(..count).collect::<Vec<u8>>());
            }
            Step::CloneAndDrop => {
                let leased = pool.leased();
                let copy = chain.clone();
                assert_eq!(copy, chain);
                assert_eq!(pool.leased(), leased, "a clone copies nothing");
            }
            Step::PopFront => {
                let segment = chain.pop_front();
                assert_eq!(segment.is_none(), model.is_empty());
                if let Some(segment) = segment {
                    assert_eq!(
                        *segment.as_ref(),
                        *model.drain(..segment.len()).collect::<Vec<u8>>()
                    );
                }
            }
            Step::Compact => {
                let before = pool.leased();
                chain.compact(&pool).expect("a large pool");
                assert!(pool.leased() <= before, "compacting never takes more memory");
            }
        }
        assert_same(&chain, &model);
        assert_eq!(chain.len(), model.len());
        assert_eq!(chain.segments().count(), chain.segment_count());
        assert_eq!(chain.to_vec(), model.iter().copied().collect::<Vec<u8>>());
    }
    drop(chain);
    assert_eq!(pool.leased(), 0);
}
