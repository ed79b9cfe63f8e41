//! Transports that take nothing more from their nth write on, as those of a peer that has said its
//! last words and is gone: all of these are heard.

use crate::{
    manner::Manner,
    operations::DEAF,
    plan::Plan,
    trial::{Bench, Outcome, Told, each},
};

const LEN: usize = 1_300;

#[test]
fn what_a_peer_has_said_is_heard_whatever_can_be_sent_to_it() {
    let failures = each(DEAF, |operation| {
        let bench = Bench::in_memory();
        let mut failures = 0;
        for manner in Manner::all() {
            for write in 0.. {
                let plan = Plan { deaf_from: Some(write), ..manner.plan(LEN) };
                let (outcome, plan) = bench.tell(operation, plan);
                let told = Told { operation, what: &*plan };
                assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}");
                if !plan.has_struck() {
                    break;
                }
                failures += 1;
            }
        }
        failures
    });
    println!(
        "deaf peers: {} operations, {failures} first failures, 0 messages lost, 0 blocks lost",
        DEAF.len()
    );
}
