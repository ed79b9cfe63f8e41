//! Calls of the system that fail: this program again, under `strace`, which makes them; skipped
//! where there is none that may trace.

#![cfg(target_os = "linux")]

use std::{
    env, fs,
    process::{self, Command},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use leasehold::{
    Chain, ChainMut,
    io::{ChainReader, write_all_buf},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    operation::Operation,
    operations::OPERATIONS,
    place::{Place, Tcp, Unix},
    plan::{Errno, Plan},
    site::{Awaited, CutOff, Failure, Site},
    trial::{Bench, Ground, Outcome, Told},
};

/// What sockets of the crate, and those that hyper has, are read and written with.
const CALLS: &str = "recvfrom,recvmsg,readv,sendto,sendmsg,writev";
const LEN: usize = 1_300;
/// What it says in the end, with numbers before them.
const WHOLE: &str = " are whole";
const FAILED: &str = " have failed";

const ENDS_IN: Duration = Duration::from_secs(20);

/// The number of the error, for the program under `strace`.
const ERRNO: &str = "LEASEHOLD_TEST_ERRNO";

/// What came of calls that were refused.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    calls: usize,
    whole: usize,
    failed: usize,
}

/// Runs a test of this file, with each so many-th call of a kind refused. None without `strace`.
fn refused(test: &str, error: (&str, i32), when: &str) -> Option<Count> {
    refused_of(CALLS, test, error, when)
}

fn refused_of(calls: &str, test: &str, (error, errno): (&str, i32), when: &str) -> Option<Count> {
    if !Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return None;
    }
    let log =
        env::temp_dir().join(format!("leasehold-faults-{}-{test}-{error}-{when}", process::id()));
    let output = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            &format!("trace={CALLS}"),
            "-e",
            &format!("inject={calls}:error={error}:when={when}"),
        ])
        .arg("-o")
        .arg(&log)
        .arg(env::current_exe().expect("a test has a path"))
        .args([
            "--exact",
            &format!("calls_refused::{test}"),
            "--ignored",
            "--nocapture",
            "--test-threads",
            "1",
        ])
        .env(ERRNO, errno.to_string())
        .output()
        .expect("strace runs");
    let traced = fs::read_to_string(&log).expect("its log is text");
    let _ = fs::remove_file(&log);
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}, {when}: {said}\n{told}");
    let number = |word: &str| {
        let before =
            said.split(word).next().and_then(|before| before.trim_end().rsplit(' ').next());
        before
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{word} is not in {said}"))
    };
    let calls = traced.matches("(INJECTED)").count();
    assert!(calls > 0, "{error}, {when}: nothing was refused");
    Some(Count { calls, whole: number(WHOLE), failed: number(FAILED) })
}

/// Says what came of all runs, or that there were none.
fn report(counts: impl Iterator<Item = Option<Count>>, errors: &str) {
    let Some(sum) = counts.reduce(|sum, next| {
        let (sum, next) = (sum?, next?);
        let (calls, whole, failed) =
            (sum.calls + next.calls, sum.whole + next.whole, sum.failed + next.failed);
        Some(Count { calls, whole, failed })
    }) else {
        return;
    };
    match sum {
        None => println!("skipped: there is no strace that may trace"),
        Some(Count { calls, whole, failed }) => {
            println!(
                "calls refused with {errors}: {calls} calls, {whole} operations whole, {failed} failed, 0 blocks lost"
            );
        }
    }
}

#[test]
fn calls_that_fail_are_told_as_they_fail() {
    const ERRORS: [(&str, i32); 3] =
        [("ECONNRESET", libc::ECONNRESET), ("EPIPE", libc::EPIPE), ("ENOBUFS", libc::ENOBUFS)];
    let runs = ERRORS.into_iter().flat_map(|error| ["1+1", "2+5", "3+4"].map(|when| (error, when)));
    let counts = runs.map(|(error, when)| refused("operations_on_sockets", error, when));
    report(counts, "ECONNRESET, EPIPE, ENOBUFS");
}

#[test]
fn a_failure_behind_bytes_is_told_behind_them() {
    let error = ("ECONNRESET", libc::ECONNRESET);
    report(
        [refused_of("recvmsg", "bytes_and_a_failure", error, "2")].into_iter(),
        "ECONNRESET behind bytes",
    );
}

#[test]
fn calls_that_were_interrupted_are_made_again() {
    let error = ("EINTR", libc::EINTR);
    report(
        ["2+2", "2+5", "3+4"].into_iter().map(|when| refused("operations_on_sockets", error, when)),
        "EINTR",
    );
}

#[test]
fn calls_that_find_nothing_are_made_again() {
    let error = ("EAGAIN", libc::EAGAIN);
    report(
        ["1+2", "2+3", "3+7"].into_iter().map(|when| refused("streams_on_sockets", error, when)),
        "EAGAIN",
    );
}

/// None if this was not started by a test above.
fn errno() -> Option<Errno> {
    Some(Errno::Number(env::var(ERRNO).ok()?.parse().expect("a number")))
}

/// Whether all calls for it are the crate's, which makes those again that were interrupted; tokio's
/// own, and hyper's, are told.
fn calls_again(operation: &Operation) -> bool {
    const CALL_AGAIN: [&str; 9] = [
        "ChainReader",
        "write_all_buf",
        "poll_write_buf",
        "Relay",
        "copy_bidirectional",
        "Outbox",
        "Framed,",
        "WebSocket",
        "Hub",
    ];
    CALL_AGAIN.iter().any(|name| operation.name.starts_with(name))
}

#[test]
#[ignore = "run by another test, under strace"]
fn operations_on_sockets() {
    let Some(errno) = errno() else { return };
    let (mut whole, mut failed) = (0, 0);
    let is_interrupted = errno == Errno::Number(libc::EINTR);
    for operation in OPERATIONS.iter().filter(|operation| operation.on_tcp.is_some()) {
        for ground in [Ground::Tcp, Ground::Unix] {
            let (outcome, plan) = Bench::new(ground).tell(operation, Plan::new(LEN));
            let told = Told { operation, what: &(ground, errno, plan) };
            match outcome {
                Outcome::Done => whole += 1,
                Outcome::Failed(failure) => {
                    told.assert_io(&failure, |error| errno.is(error));
                    assert!(!is_interrupted || !calls_again(operation), "{told}: {failure:?}");
                    failed += 1;
                }
                outcome => panic!("{told}: {outcome:?}"),
            }
        }
    }
    println!("{whole}{WHOLE}, {failed}{FAILED}");
}

/// A stream each way, whose peer never rests: whoever waits although there is something is woken by
/// what comes next, as it would be if there had been nothing.
async fn streams<P: Place>(site: &Site<P>) -> Result<(), Failure> {
    let (mut near, far) = site.pair().await?;
    let (mut hears, mut says) = tokio::io::split(far);
    let (content, back) = (site.content(0), Bytes::from(site.content(1)));
    let mut said = Awaited::new(&*content);
    let near = async move {
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&site.pool));
        let mut number = 0;
        while said.left() > 0 {
            let count = reader.read(&mut near, &mut chain).await?;
            assert!(count > 0);
            let got = chain.split().freeze().to_vec();
            said.take(&got[..got.len().min(said.left())]);
            // In two pieces, and in one.
            let mut pieces = Chain::from(back.slice(..2_000));
            pieces.push(back.slice(2_000..));
            write_all_buf(&mut near, &mut pieces).await?;
            write_all_buf(&mut near, &mut back.clone()).await?;
            number += 2;
        }
        near.shutdown().await?;
        // Kept until its peer has heard all: what is left unread in a socket that is closed resets
        // the connection.
        Ok((near, number))
    };
    let saying = async {
        for piece in content.chunks(100).chain(std::iter::repeat(&b"and so on"[..])) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if says.write_all(piece).await.is_err() {
                break; // It has heard enough.
            }
        }
        std::future::pending().await
    };
    let hearing = async {
        let mut heard = Vec::new();
        hears.read_to_end(&mut heard).await.map_err(|_| CutOff)?;
        Ok::<_, Failure>(heard)
    };
    let both = async { tokio::try_join!(near, hearing) };
    let ((_near, sent), heard) = tokio::select! {
        both = both => both?,
        () = saying => unreachable!("it has no end"),
    };
    assert!(heard == site.content(1).repeat(sent));
    Ok(())
}

#[test]
#[ignore = "run by another test, under strace"]
fn streams_on_sockets() {
    let plan = Arc::new(Plan::new(4_000));
    let tcp = Bench::new(Ground::Tcp);
    tcp.runtime
        .block_on(async { timeout(ENDS_IN, streams(&tcp.site(Tcp, &plan))).await })
        .expect("an end")
        .expect("whole");
    let unix = Bench::new(Ground::Unix);
    unix.runtime
        .block_on(async { timeout(ENDS_IN, streams(&unix.site(Unix, &plan))).await })
        .expect("an end")
        .expect("whole");
    assert_eq!((tcp.pool.leased(), unix.pool.leased()), (0, 0));
    println!("2{WHOLE}, 0{FAILED}");
}

/// What one read hears with several calls: bytes, and a failure that is told by the next read,
/// once.
async fn failing_once<P: Place>(site: &Site<P>) -> Result<(), Failure> {
    let (mut near, mut far) = site.pair().await?;
    let content = site.content(0);
    let mut said = Awaited::new(&*content);
    far.write_all(&content).await?;
    let (mut reader, mut chain, mut failures) =
        (ChainReader::new(), ChainMut::new(&site.pool), Vec::new());
    while said.left() > 0 {
        match reader.read(&mut near, &mut chain).await {
            Ok(_) => said.take(&chain.split().freeze().to_vec()),
            Err(error) => failures.push((error.kind(), said.left() < content.len())),
        }
    }
    assert_eq!(failures, [(std::io::ErrorKind::ConnectionReset, true)]);
    Ok(())
}

#[test]
#[ignore = "run by another test, under strace"]
fn bytes_and_a_failure() {
    if errno().is_none() {
        return;
    }
    let bench = Bench::new(Ground::Tcp);
    let plan = Arc::new(Plan::new(30_000));
    bench.runtime.block_on(failing_once(&bench.site(Tcp, &plan))).expect("whole");
    assert_eq!(bench.pool.leased(), 0);
    println!("1{WHOLE}, 0{FAILED}");
}
