//! `Chain` and `ChainMut` against a `VecDeque<u8>`: the same random steps on both, and all of `Buf`
//! compared after each.

mod reading;
mod same;
mod writing;

use bytes::Buf;
use leasehold::{Chain, Pool};
use proptest::prelude::*;

use self::{
    reading::{Step, run_chain},
    same::{pattern, pool, written},
    writing::{MutStep, run_chain_mut},
};

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
