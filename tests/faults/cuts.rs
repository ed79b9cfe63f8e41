//! Reads and writes that are cut: to so many bytes each, and once at each place of the streams.

use std::fmt;

use crate::{
    manner::Manner,
    operations::OPERATIONS,
    plan::Plan,
    trial::{Bench, Outcome, Told, each},
};

const LEN: usize = 40;
const CUTS: [usize; 7] = [1, 2, 3, 5, 7, 16, 61];

#[test]
fn what_is_cut_anywhere_comes_whole() {
    let runs = each(OPERATIONS, |operation| {
        let bench = Bench::in_memory();
        let assert_whole = |plan: Plan| {
            let what = format!("{plan:?}");
            let (outcome, plan) = bench.tell(operation, plan);
            let told = Told { operation, what: &what as &dyn fmt::Debug };
            assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}");
            plan.reached()
        };
        let mut runs = 0;
        for manner in Manner::all() {
            for cut in CUTS {
                assert_whole(Plan { cut, ..manner.plan(LEN) });
                runs += 1;
            }
            let mut place = 1;
            while assert_whole(Plan { cut_at: Some(place), ..manner.plan(LEN) }) > place {
                place += 1;
            }
            runs += place;
        }
        runs
    });
    println!("streams cut: {} operations, {runs} runs, 0 bytes lost", OPERATIONS.len());
}
