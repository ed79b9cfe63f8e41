//! `Chain` and `ChainMut` against a `VecDeque<u8>`: the same random steps on both, and all of `Buf` compared after each.

use std::{
    collections::VecDeque,
    io::{IoSlice, Read, Write},
};

use bytes::{Buf, BufMut, Bytes};
use leasehold::{Chain, ChainMut, Pool};
use proptest::prelude::*;

/// Tiny classes, so that short chains have many pieces.
fn pool() -> Pool {
    Pool::builder().budget(256 << 10).classes([16, 64, 256, 1024]).build().expect("a small pool")
}

fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| seed.wrapping_mul(31).wrapping_add(at as u8)).collect()
}

/// Everything that `Buf` says of `buf` is what the model says.
fn assert_same(buf: &impl Buf, model: &VecDeque<u8>) {
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

#[derive(Clone, Debug)]
enum Step {
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

fn step() -> impl Strategy<Value = Step> {
    let len = 0..400usize;
    prop_oneof![
        len.clone().prop_map(Step::PushBlock),
        len.clone().prop_map(Step::PushBytes),
        len.clone().prop_map(Step::PushFront),
        len.clone().prop_map(Step::PushChain),
        len.clone().prop_map(Step::SplitTo),
        len.clone().prop_map(Step::SplitOff),
        len.clone().prop_map(Step::SplitAndRejoin),
        len.clone().prop_map(Step::Advance),
        (0..2000usize).prop_map(Step::Truncate),
        (len.clone(), len.clone()).prop_map(|(begin, len)| Step::Slice(begin, len)),
        (0..2000usize).prop_map(Step::Take),
        len.clone().prop_map(Step::CopyToBytes),
        len.prop_map(Step::Read),
        Just(Step::CloneAndDrop),
        Just(Step::PopFront),
        Just(Step::Compact),
    ]
}

fn written(pool: &Pool, bytes: &[u8]) -> Chain {
    let mut chain = pool.try_chain(bytes.len()).expect("room for a few bytes");
    chain.put_slice(bytes);
    chain.freeze()
}

fn run_chain(steps: &[Step]) {
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
                assert!(!is_one_piece || len == 0 || bytes.as_ptr() == front, "one piece is linked, not copied");
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
                    assert_eq!(*segment.as_ref(), *model.drain(..segment.len()).collect::<Vec<u8>>());
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

#[derive(Clone, Debug)]
enum MutStep {
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

fn mut_step() -> impl Strategy<Value = MutStep> {
    let len = 0..400usize;
    prop_oneof![
        len.clone().prop_map(MutStep::Reserve),
        len.clone().prop_map(MutStep::PutSlice),
        len.clone().prop_map(MutStep::PutBytes),
        (0..1500usize).prop_map(MutStep::Push),
        (0..1500usize).prop_map(MutStep::Append),
        len.clone().prop_map(MutStep::Write),
        len.clone().prop_map(MutStep::SplitTo),
        len.clone().prop_map(MutStep::Advance),
        len.clone().prop_map(MutStep::CopyToBytes),
        len.clone().prop_map(MutStep::SplitFrame),
        (len.clone(), len.clone()).prop_map(|(at, end)| MutStep::Peek(at, end)),
        (any::<u8>(), len).prop_map(|(byte, at)| MutStep::Find(byte, at)),
        Just(MutStep::ReleaseRoom),
        Just(MutStep::Clear),
    ]
}

fn run_chain_mut(pool: &Pool, steps: &[MutStep]) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_chain_behaves_like_a_deque_of_bytes(steps in prop::collection::vec(step(), 1..40)) {
        run_chain(&steps);
    }

    #[test]
    fn a_chain_mut_behaves_like_a_deque_of_bytes(steps in prop::collection::vec(mut_step(), 1..40)) {
        run_chain_mut(&pool(), &steps);
        // Small frames of large blocks are moved out of them (NO-PIN).
        run_chain_mut(&Pool::builder().budget(4 << 20).classes([64, 16 << 10]).build().expect("a pool"), &steps);
    }
}

#[test]
fn every_split_point_of_every_small_chain_gives_the_same_bytes() {
    let pool = pool();
    for pieces in 0..5usize {
        let mut chain = Chain::new();
        for piece in 0..pieces {
            chain.append(written(&pool, &pattern(piece as u8, 7)));
        }
        let all = chain.to_vec();
        for at in 0..=all.len() {
            let mut head = chain.clone();
            let tail = head.split_off(at);
            assert_eq!(head, all[..at]);
            assert_eq!(tail, all[at..]);
            let mut rest = chain.clone();
            rest.advance(at);
            assert_eq!(rest, all[at..]);
            for end in at..=all.len() {
                assert_eq!(chain.slice(at..end), all[at..end]);
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}
