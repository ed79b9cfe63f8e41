//! What a pool says by `tracing`: who was refused and why, without flooding the log.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use leasehold::Pool;
use tracing::{Level, subscriber::DefaultGuard};

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn lines(&self, level: Level) -> Vec<String> {
        let text =
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("a log is text");
        text.lines().filter(|line| line.contains(level.as_str())).map(str::to_owned).collect()
    }
}

fn pool() -> Pool {
    Pool::builder().classes([4 << 10]).budget(64 << 10).build().expect("16 blocks")
}

#[test]
fn an_exhausted_pool_warns_once_a_second_and_names_who_holds_the_memory() {
    let (log, _guard) = Log::start();
    let pool = pool();
    let hog = pool.account("the hog", 64 << 10);
    let held: Vec<_> = (0..16).map(|_| hog.try_lease(1).expect("16 blocks")).collect();
    for _ in 0..1000 {
        assert!(pool.try_lease(1).expect_err("all is leased").is_exhausted());
    }
    let warnings = log.lines(Level::WARN);
    assert!((1..=5).contains(&warnings.len()), "{warnings:?}");
    assert!(
        warnings[0].contains("exhausted") && warnings[0].contains("the hog: 65536 bytes"),
        "{}",
        warnings[0]
    );
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_account_at_its_limit_is_a_matter_for_debugging() {
    let (log, _guard) = Log::start();
    let pool = pool();
    let small = pool.account("small", 4 << 10);
    let held = small.try_lease(1).expect("one block");
    assert!(small.try_lease(1).expect_err("one block only").is_over_limit());
    assert_eq!(log.lines(Level::WARN), Vec::<String>::new());
    let lines = log.lines(Level::DEBUG);
    assert!(
        lines.len() == 1 && lines[0].contains("small") && lines[0].contains("limit"),
        "{lines:?}"
    );
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_at_its_deadline_is_warned_of() {
    let (log, _guard) = Log::start();
    let pool = pool();
    let held: Vec<_> = (0..16).map(|_| pool.try_lease(1).expect("16 blocks")).collect();
    assert!(
        pool.lease_timeout(1, Duration::from_secs(1))
            .await
            .expect_err("nothing comes home")
            .is_deadline_passed()
    );
    let warnings = log.lines(Level::WARN);
    assert!(warnings.len() == 1 && warnings[0].contains("within 1s"), "{warnings:?}");
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn memory_that_is_taken_and_given_back_is_traced() {
    let (log, _guard) = Log::start();
    let pool = pool();
    drop(pool.try_lease(1).expect("free"));
    assert!(pool.trim() > 0);
    let lines = log.lines(Level::TRACE).join("\n");
    assert!(lines.contains("more memory is leased") && lines.contains("given back"), "{lines}");
    assert_eq!(pool.leased(), 0);
}
