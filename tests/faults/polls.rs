//! Futures that are dropped, and made anew: each of an operation's at each of its moments; and
//! operations that are dropped as a whole after any number of polls.

use crate::{
    operations::OPERATIONS,
    plan::Plan,
    trial::{Bench, Outcome, Told, each},
};

const LEN: usize = 1_300;

/// In memory each call of a transport waits, so that there are as many polls as can be.
fn plan() -> Plan {
    Plan { is_pending: true, ..Plan::new(LEN) }
}

#[test]
fn a_future_that_is_dropped_and_made_anew_loses_nothing() {
    let drops = each(OPERATIONS, |operation| {
        let mut drops = 0;
        for bench in Bench::everywhere(operation) {
            for moment in 0.. {
                let (outcome, plan) =
                    bench.tell(operation, Plan { dropping: Some(moment), ..plan() });
                let told = Told { operation, what: &(bench.ground, &plan) };
                assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}");
                if !plan.has_struck() {
                    break;
                }
                drops += 1;
            }
        }
        drops
    });
    println!(
        "futures dropped and made anew: {} operations, {drops} drops, 0 bytes lost",
        OPERATIONS.len()
    );
}

#[test]
fn an_operation_that_is_dropped_holds_nothing() {
    let drops = each(OPERATIONS, |operation| {
        let mut drops = 0;
        for bench in Bench::everywhere(operation) {
            for polls in 0.. {
                let (outcome, plan) = bench.tell_for(operation, plan(), polls);
                let told = Told { operation, what: &(bench.ground, &plan, polls) };
                match outcome {
                    Outcome::Dropped => drops += 1,
                    Outcome::Done => break,
                    outcome => panic!("{told}: {outcome:?}"),
                }
            }
        }
        drops
    });
    println!("operations dropped: {} operations, {drops} drops, 0 blocks lost", OPERATIONS.len());
}
