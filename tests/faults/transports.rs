//! Transports each of whose calls fails in turn.

use std::io::ErrorKind::{BrokenPipe, ConnectionReset, Interrupted, TimedOut, WouldBlock};

use crate::{
    manner::Manner,
    operation::Tells,
    operations::OPERATIONS,
    plan::{Errno, Plan},
    trial::{Bench, Outcome, Told, each},
};

const LEN: usize = 1_300;

/// `WouldBlock` is no answer that a transport may give to a task, and is passed on as any other, as
/// tokio does. So is `Interrupted` of a flush or a shutdown.
const ERRORS: &[Errno] = &[
    Errno::Kind(ConnectionReset),
    Errno::Kind(BrokenPipe),
    Errno::Kind(TimedOut),
    Errno::Kind(WouldBlock),
    Errno::Kind(Interrupted),
    #[cfg(target_os = "linux")]
    Errno::Number(libc::ENOBUFS),
];

#[test]
fn a_call_that_fails_is_told_as_it_is() {
    let failures = each(OPERATIONS, |operation| {
        let bench = Bench::in_memory();
        let mut failures = 0;
        for (manner, &errno) in
            Manner::all().flat_map(|manner| ERRORS.iter().map(move |errno| (manner, errno)))
        {
            for call in 0.. {
                let plan = Plan { failing: Some((call, errno)), ..manner.plan(LEN) };
                let (outcome, plan) = bench.tell(operation, plan);
                let told = Told { operation, what: &*plan };
                if !plan.has_struck() {
                    assert!(matches!(outcome, Outcome::Done), "{told}: {outcome:?}");
                    break;
                }
                failures += 1;
                match outcome {
                    Outcome::Failed(failure) => told.assert_io(&failure, |error| errno.is(error)),
                    // A read or a write is made again (AGAIN).
                    Outcome::Done if errno == Errno::Kind(Interrupted) => {}
                    Outcome::Done => {
                        assert!(operation.tells != Tells::Caller, "{told}: nobody was told")
                    }
                    outcome => panic!("{told}: {outcome:?}"),
                }
            }
        }
        failures
    });
    println!(
        "calls that failed: {} operations, {failures} failures, 0 blocks lost",
        OPERATIONS.len()
    );
}
