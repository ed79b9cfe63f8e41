//! A pool and all that is leased from it against plain lists: the same random steps on both, and
//! every figure compared after each.
//!
//! The model knows which handle has which range of which block, who pays for each block, and who
//! waits. Charges, counts and contents follow by adding up. In which order those who wait are
//! served it does not know; it wants nobody to be refused, or to be left waiting as the first, who
//! could be served, and no limit to be passed. What is done elsewhere is done on another thread,
//! with magazines of its own.
//!
//! `PROPTEST_CASES` scales it, `LEASEHOLD_SEED` repeats a run; a failure prints its seed and the
//! least steps that show it.

mod cuts;
mod elsewhere;
mod ledger;
mod machine;
mod range;
mod ranges;
mod step;
mod tally;
mod thing;
mod verbs;
mod waiter;

use crate::support::transport;

use std::cell::RefCell;

use proptest::{
    collection::vec,
    test_runner::{Config, RngSeed, TestRunner},
};

use self::{
    machine::Machine,
    step::{setting, step},
    tally::Tally,
};

/// What a debug build does in some ten seconds.
const CASES: u32 = 1_000;

/// How long a failure is made shorter.
const SHRINK_MS: u32 = 60_000;

#[test]
fn a_pool_is_what_its_model_adds_up_to() {
    let mut config = Config {
        rng_seed: RngSeed::Fixed(transport::seed()),
        failure_persistence: None,
        max_shrink_time: SHRINK_MS,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let tally = RefCell::new(Tally::default());
    let run = TestRunner::new(config).run(&(setting(), vec(step(), 1..120)), |(setting, steps)| {
        *tally.borrow_mut() += Machine::new(setting).run(setting, &steps);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{:?}: 0 blocks lost", tally.borrow());
}
