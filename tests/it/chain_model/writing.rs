//! `MutStep`: what is done to a `ChainMut`, and to a deque beside it.

use std::{collections::VecDeque, io::Write};

use bytes::{Buf, BufMut, Bytes};
use leasehold::{ChainMut, Pool};

use super::same::{assert_same, pattern, written};

#[derive(Clone, Debug)]
pub(crate) enum MutStep {
    Reserve(usize),
    PutSlice(usize),
    PutBytes(usize),
    Push(usize),
    Append(usize),
    Write(usize),
    SplitTo(usize),
    Advance(usize),
    CopyToBytes(usize),
    SplitFrame(usize),
    Peek(usize, usize),
    Find(u8, usize),
    ReleaseRoom,
    Clear,
}

pub(crate) fn run_chain_mut(pool: &Pool, steps: &[MutStep]) {
    let mut chain = ChainMut::new(pool);
    let mut model: VecDeque<u8> = VecDeque::new();
    for (seed, step) in steps.iter().enumerate() {
        let seed = seed as u8;
        let within = |at: usize| at % (model.len() + 1);
        match *step {
            MutStep::Reserve(additional) => {
                chain.try_reserve(additional).expect("a large pool");
                assert!(chain.remaining_mut() >= additional);
            }
            MutStep::PutSlice(len) => {
                let bytes = pattern(seed, len.min(chain.remaining_mut()));
                let room = chain.remaining_mut();
                chain.put_slice(&bytes);
                assert_eq!(chain.remaining_mut(), room - bytes.len());
                model.extend(bytes);
            }
            MutStep::PutBytes(len) => {
                let len = len.min(chain.remaining_mut());
                chain.put_bytes(seed, len);
                model.extend(std::iter::repeat_n(seed, len));
            }
            MutStep::Push(len) => {
                let bytes = pattern(seed, len);
                chain.push(Bytes::from(bytes.clone()));
                model.extend(bytes);
            }
            MutStep::Append(len) => {
                let bytes = pattern(seed, len);
                chain.append(written(pool, &bytes));
                model.extend(bytes);
            }
            MutStep::Write(len) => {
                let bytes = pattern(seed, len);
                chain.write_all(&bytes).expect("a large pool");
                model.extend(bytes);
            }
            MutStep::SplitTo(at) => {
                let at = within(at);
                let head = chain.split_to(at);
                let front: VecDeque<u8> = model.drain(..at).collect();
                assert_same(&head, &front);
                assert_same(&head.freeze(), &front);
            }
            MutStep::Advance(count) => {
                let count = within(count);
                chain.advance(count);
                model.drain(..count);
            }
            MutStep::CopyToBytes(len) => {
                let len = within(len);
                assert_eq!(chain.copy_to_bytes(len)[..], *model.drain(..len).collect::<Vec<u8>>());
            }
            MutStep::SplitFrame(at) => {
                let at = within(at);
                let front: VecDeque<u8> = model.drain(..at).collect();
                assert_same(&chain.split_frame(at), &front);
            }
            MutStep::Peek(at, end) => {
                let (at, end) = (within(at).min(within(end)), within(at).max(within(end)));
                let mut peeked = vec![0; end - at];
                chain.peek_slice(at, &mut peeked);
                assert!(model.range(at..end).eq(&peeked));
            }
            MutStep::Find(byte, at) => {
                let at = within(at);
                let found = chain.find(at.., |piece| piece.iter().position(|&other| other == byte));
                assert_eq!(found, (at..model.len()).find(|&at| model[at] == byte));
            }
            MutStep::ReleaseRoom => {
                chain.release_room();
                assert_eq!(chain.remaining_mut(), 0);
                assert!(!model.is_empty() || pool.leased() == 0, "nothing written, nothing held");
            }
            MutStep::Clear => {
                chain.clear();
                model.clear();
            }
        }
        assert_same(&chain, &model);
        assert_eq!(chain.len(), model.len());
    }
    let chain = chain.freeze();
    assert_same(&chain, &model);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}
