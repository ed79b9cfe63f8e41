//! What `Pool::builder` accepts, and what it says when it does not.

use std::time::Duration;

use leasehold::{BuildError, Builder, Pool};

use crate::support::pools;
use pools::builders;

const MIB: usize = 1 << 20;

fn refused(builder: Builder) -> BuildError {
    builder.build().expect_err("must be refused")
}

#[test]
fn a_budget_that_cannot_hold_the_largest_block_is_refused_with_both_figures() {
    for builder in builders() {
        let error = refused(builder.budget(MIB - 1));
        assert!(error.is_budget_too_small() && !error.is_classes() && !error.is_mapping());
        let message = error.to_string();
        assert!(message.contains("1048575") && message.contains("1048576"), "{message}");
    }
    assert!(Pool::new(0).expect_err("no budget").is_budget_too_small());
    let pool = Pool::new(MIB).expect("room for one largest block");
    assert_eq!(pool.leased(), 0);
}

#[test]
fn classes_must_be_some_ascending_not_zero_and_at_most_16_mib() {
    let with = |lens: &[usize]| Pool::builder().budget(64 * MIB).classes(lens.iter().copied());
    for lens in [&[][..], &[0], &[0, 4096], &[4096, 1024], &[4096, 4096], &[4096, 16 * MIB + 1]] {
        let error = refused(with(lens));
        assert!(error.is_classes() && !error.is_budget_too_small(), "{lens:?}: {error}");
    }
    let seventeen: Vec<usize> = (1..=17).map(|kib| kib << 10).collect();
    assert!(refused(with(&seventeen)).is_classes());

    let sixteen: Vec<usize> = (1..=15).map(|kib| kib << 10).chain([16 * MIB]).collect();
    let pool = with(&sixteen).build().expect("sixteen classes up to 16 MiB are fine");
    assert_eq!(pool.block_len_for(usize::MAX), 16 * MIB);
    let block = pool.try_lease(16 * MIB).expect("the largest class");
    assert_eq!(block.capacity(), 16 * MIB);
    drop(block);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_budget_beyond_what_accounts_can_count_is_refused() {
    let error = refused(Pool::builder().budget(usize::MAX));
    assert!(!error.is_budget_too_small() && !error.is_classes());
    assert!(error.to_string().contains("more than"), "{error}");
}

#[test]
fn the_settings_arrive_at_the_pool() {
    for builder in builders() {
        let pool = builder
            .budget(3 * MIB + 5)
            .name("uploads")
            .dont_dump(true)
            .dont_fork(true)
            .build()
            .expect("valid");
        assert_eq!(
            (pool.budget(), pool.limit(), pool.name()),
            (3 * MIB + 5, 3 * MIB + 5, "uploads")
        );
        assert_eq!(pool.block_len_for(usize::MAX), MIB);
        let lens: Vec<usize> =
            pool.stats().classes.iter().map(|class| class.block_len >> 10).collect();
        assert_eq!(lens, [1, 4, 20, 64, 256, 1024]);
        assert_eq!(pool.stats().mapped, 0, "nothing is touched before the first lease");
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn a_pool_without_magazines_leases_all_the_same() {
    for builder in builders() {
        let pool = builder.budget(MIB).magazine(0).shards(1).build().expect("valid");
        drop(pool.try_lease(4096).expect("fresh"));
        assert_eq!(pool.stats().cached, 0);
        assert_eq!(pool.leased(), 0);
    }
}

/// The system refuses to reserve memory where the address space of the process is limited, so that
/// takes a process of its own.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[test]
fn a_mapping_that_the_system_refuses_is_an_error_that_says_so() {
    const INSIDE: &str = "LEASEHOLD_LITTLE_ADDRESS_SPACE";
    const NAME: &str = "builder::a_mapping_that_the_system_refuses_is_an_error_that_says_so";
    if std::env::var_os(INSIDE).is_some() {
        let error = refused(Pool::builder().budget(8 << 30));
        assert!(error.is_mapping());
        let message = error.to_string();
        assert!(
            message.contains("refuses to reserve 8589934592 bytes") && message.contains("ulimit"),
            "{message}"
        );
        assert!(std::error::Error::source(&error).is_some());
        return;
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 4000000 && exec \"$0\" --exact \"$1\" --test-threads=1"])
        .arg(std::env::current_exe().expect("this test has a path"))
        .arg(NAME)
        .env(INSIDE, "1")
        .status()
        .expect("sh starts");
    assert!(status.success());
}

#[test]
fn no_number_is_too_large_for_a_setting_that_is_bounded_anyway() {
    for builder in builders() {
        let builder =
            builder.budget(MIB).classes([4096]).magazine(usize::MAX).max_wait(Duration::MAX);
        let pool = builder.shards(usize::MAX).build().expect("bounded");
        drop(pool.try_lease(1).expect("free"));
        assert_eq!(pool.leased(), 0);
    }
}
