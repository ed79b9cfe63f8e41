//! Operations on chains, against a deque of bytes.

use leasehold::Pool;

use super::input::Input;

#[path = "../it/chain_model/reading.rs"]
mod reading;
#[path = "../it/chain_model/same.rs"]
mod same;
#[path = "../it/chain_model/writing.rs"]
mod writing;

use self::{
    reading::{Step, run_chain},
    writing::{MutStep, run_chain_mut},
};

/// More show nothing new, and take long.
const STEPS_MAX: usize = 100;

/// The first byte says what is operated on, the others how.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => run_chain(&steps(input, step)),
        1 => run_chain_mut(&same::pool(), &steps(input, mut_step)),
        // Small frames of large blocks are moved out of them (NO-PIN).
        _ => {
            let pool =
                Pool::builder().budget(4 << 20).classes([64, 16 << 10]).build().expect("a pool");
            run_chain_mut(&pool, &steps(input, mut_step));
        }
    }
}

fn steps<S>(mut input: Input<'_>, step: impl Fn(&mut Input<'_>) -> S) -> Vec<S> {
    std::iter::from_fn(|| (!input.is_empty()).then(|| step(&mut input))).take(STEPS_MAX).collect()
}

fn step(input: &mut Input<'_>) -> Step {
    match input.byte() % 16 {
        0 => Step::PushBlock(input.below(400)),
        1 => Step::PushBytes(input.below(400)),
        2 => Step::PushFront(input.below(400)),
        3 => Step::PushChain(input.below(400)),
        4 => Step::SplitTo(input.below(400)),
        5 => Step::SplitOff(input.below(400)),
        6 => Step::SplitAndRejoin(input.below(400)),
        7 => Step::Advance(input.below(400)),
        8 => Step::Truncate(input.below(2_000)),
        9 => Step::Slice(input.below(400), input.below(400)),
        10 => Step::Take(input.below(2_000)),
        11 => Step::CopyToBytes(input.below(400)),
        12 => Step::Read(input.below(400)),
        13 => Step::CloneAndDrop,
        14 => Step::PopFront,
        _ => Step::Compact,
    }
}

fn mut_step(input: &mut Input<'_>) -> MutStep {
    match input.byte() % 14 {
        0 => MutStep::Reserve(input.below(400)),
        1 => MutStep::PutSlice(input.below(400)),
        2 => MutStep::PutBytes(input.below(400)),
        3 => MutStep::Push(input.below(1_500)),
        4 => MutStep::Append(input.below(1_500)),
        5 => MutStep::Write(input.below(400)),
        6 => MutStep::SplitTo(input.below(400)),
        7 => MutStep::Advance(input.below(400)),
        8 => MutStep::CopyToBytes(input.below(400)),
        9 => MutStep::SplitFrame(input.below(400)),
        10 => MutStep::Peek(input.below(400), input.below(400)),
        11 => MutStep::Find(input.byte(), input.below(400)),
        12 => MutStep::ReleaseRoom,
        _ => MutStep::Clear,
    }
}
