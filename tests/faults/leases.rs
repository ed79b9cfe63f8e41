//! Asks for memory that are refused: each of an operation's in turn, and each so many-th.

use crate::{
    manner::Manner,
    operation::Refused,
    operations::OPERATIONS,
    plan::Plan,
    trial::{Bench, Ground, Outcome, Told, each},
};

const LEN: usize = 1_300;

/// An operation that tries again whenever it is refused may never come to its end, if as many asks
/// as it needs are always one too many.
const POLLS_MAX: usize = 300;

#[test]
fn an_ask_that_is_refused_is_told_or_made_again() {
    let refused = each(OPERATIONS, |operation| {
        let mut refused = 0;
        for bench in Bench::everywhere(operation) {
            // On sockets there is but one.
            let manners = if bench.ground == Ground::Memory { usize::MAX } else { 1 };
            for manner in Manner::all().take(manners) {
                for nth in 0.. {
                    let refusals = bench.pool.refuse_nth(nth);
                    let (outcome, plan) = bench.tell(operation, manner.plan(LEN));
                    let told = Told { operation, what: &(bench.ground, nth, &plan) };
                    match outcome {
                        Outcome::Done => {}
                        Outcome::Failed(failure) if operation.refused == Refused::Fails => {
                            told.assert_refused(&failure)
                        }
                        outcome => panic!("{told}: {outcome:?}"),
                    }
                    if refusals.count() == 0 {
                        break;
                    }
                    refused += 1;
                }
            }
            let (outcome, plan) = bench.tell(operation, Plan::new(LEN));
            let told = Told { operation, what: &(bench.ground, &plan) };
            assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}, with nothing refused");
        }
        refused
    });
    println!("leases refused: {} operations, {refused} refusals, 0 blocks lost", OPERATIONS.len());
}

#[test]
fn asks_that_are_refused_again_and_again_leave_nothing() {
    let refused = each(OPERATIONS, |operation| {
        let bench = Bench::in_memory();
        let mut refused = 0;
        for period in 1..=5 {
            let refusals = bench.pool.refuse_every(period);
            let (outcome, plan) = bench.tell_for(operation, Plan::new(LEN), POLLS_MAX);
            let told = Told { operation, what: &(period, &plan) };
            match outcome {
                Outcome::Done | Outcome::Dropped => {}
                Outcome::Failed(failure) if operation.refused == Refused::Fails => {
                    told.assert_refused(&failure)
                }
                outcome => panic!("{told}: {outcome:?}"),
            }
            refused += refusals.count();
        }
        refused
    });
    println!(
        "leases refused again and again: {} operations, {refused} refusals, 0 blocks lost",
        OPERATIONS.len()
    );
}
