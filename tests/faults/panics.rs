//! Panics of the user's code: codecs, bodies, handlers, transports, wakers and drops, at each of
//! their calls.

use crate::{
    manner::Manner,
    operation::Tells,
    operations::OPERATIONS,
    plan::Plan,
    trial::{Bench, Ground, Outcome, Told, each},
};

const LEN: usize = 1_300;

#[test]
fn a_panic_of_the_users_code_leaves_nothing() {
    let panics = each(OPERATIONS, |operation| {
        let mut panics = 0;
        for bench in Bench::everywhere(operation) {
            // On sockets there is but one.
            let manners = if bench.ground == Ground::Memory { usize::MAX } else { 1 };
            for manner in Manner::all().take(manners) {
                for call in 0.. {
                    let (outcome, plan) =
                        bench.tell(operation, Plan { panicking: Some(call), ..manner.plan(LEN) });
                    let told = Told { operation, what: &(bench.ground, &plan) };
                    match outcome {
                        Outcome::Panicked => panics += 1,
                        Outcome::Done if !plan.has_struck() => break,
                        // In a task of its own.
                        Outcome::Done | Outcome::Failed(_) if operation.tells == Tells::Peer => {
                            panics += 1
                        }
                        outcome => panic!("{told}: {outcome:?}"),
                    }
                }
            }
            let (outcome, plan) = bench.tell(operation, Plan::new(LEN));
            let told = Told { operation, what: &(bench.ground, &plan) };
            assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}, without a panic");
        }
        panics
    });
    println!(
        "panics of the user's code: {} operations, {panics} panics, 0 blocks lost",
        OPERATIONS.len()
    );
}

#[test]
fn a_panic_of_a_waker_leaves_nothing() {
    let panics = each(OPERATIONS, |operation| {
        let mut panics = 0;
        for call in 0.. {
            let plan = Plan {
                panicking: Some(call),
                has_wakers: true,
                is_pending: true,
                ..Plan::new(LEN)
            };
            let (outcome, plan) = Bench::in_memory().tell_last(operation, plan);
            let told = Told { operation, what: &plan };
            match outcome {
                Outcome::Panicked => panics += 1,
                _ if !plan.has_struck() => break,
                // A waker's panic may be nobody's: it was called when something else was about to
                // be told.
                Outcome::Done | Outcome::Failed(_) => panics += 1,
                outcome => panic!("{told}: {outcome:?}"),
            }
        }
        panics
    });
    println!("panics of wakers: {} operations, {panics} panics, 0 blocks lost", OPERATIONS.len());
}
