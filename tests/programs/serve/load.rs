//! Many clients at once.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::serve::{server::Server, site::Site};

const BUDGET: u64 = 8 << 20;

/// What the process may have beside its blocks: its code, its threads and what hyper and tokio keep
/// of 64 connections.
const BESIDE_BUDGET: u64 = 16 << 20;

/// `LEASEHOLD_DOWNLOAD_MIB=100 cargo test --release --test serve downloads -- --nocapture` is the
/// real thing.
#[test]
fn sixty_four_downloads_at_once_stay_within_the_budget() {
    const DOWNLOADS: usize = 64;
    let mib: usize =
        std::env::var("LEASEHOLD_DOWNLOAD_MIB").map_or(4, |mib| mib.parse().expect("a number"));
    let site = Site::new();
    site.write_random("large.bin", mib << 20);
    let file = site.root().join("large.bin");
    let summed = Command::new("sha256sum")
        .stdin(std::fs::File::open(file).expect("it was written"))
        .output();
    let expected = summed.expect("the command `sha256sum` runs").stdout;

    let server = Server::start_with(&site, &["--budget", "8MiB"]);
    let start = Instant::now();
    let downloads: Vec<_> = (0..DOWNLOADS).map(|_| download(&server)).collect();
    for (mut curl, sum) in downloads {
        let sum = sum.wait_with_output().expect("a process can be waited for");
        assert!(curl.wait().expect("a process can be waited for").success(), "curl failed");
        assert!(sum.stdout == expected, "the bytes differ");
    }
    let seconds = start.elapsed().as_secs_f64();
    server.assert_comes_to_rest();
    let (rss, peak) = (server.peak_rss(), server.figure("peak"));
    println!(
        "{DOWNLOADS} downloads of {mib} MiB at once: {seconds:.1} s, peak RSS {:.1} MiB, at most {:.1} of {} MiB leased",
        rss as f64 / f64::from(1 << 20),
        peak as f64 / f64::from(1 << 20),
        BUDGET >> 20,
    );
    assert!(peak <= BUDGET, "{peak} bytes were leased");
    assert!(rss <= BUDGET + BESIDE_BUDGET, "{rss} bytes of memory");
}

/// curl, and what makes the sum of its output.
fn download(server: &Server) -> (Child, Child) {
    let url = format!("http://{}/large.bin", server.address);
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", &url])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command `curl` runs");
    let bytes = curl.stdout.take().expect("piped");
    let sum = Command::new("sha256sum").stdin(bytes).stdout(Stdio::piped()).spawn();
    (curl, sum.expect("the command `sha256sum` runs"))
}

#[test]
fn clients_that_stop_reading_and_vanish_keep_nobody_waiting() {
    const ASLEEP: usize = 20;
    /// "At once", on a machine that runs other tests beside this one.
    const AT_ONCE: Duration = Duration::from_secs(2);
    let site = Site::new();
    site.write_sparse("long", 32 << 20); // more than the kernel buffers for one connection
    let short = site.write_random("short", 1 << 20);
    let server = Server::start_with(&site, &["--budget", "8MiB"]);
    let get_short = || {
        let start = Instant::now();
        assert!(server.get("/short").body == short);
        assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
        start.elapsed()
    };

    let asleep: Vec<_> = (0..ASLEEP)
        .map(|_| {
            let mut client = server.connect();
            client.send("GET", "/long", &[]);
            client.read_some(100_000);
            client
        })
        .collect();
    let held = server.settled_leased();
    assert!(held >= (ASLEEP as u64) << 16, "all of them hold blocks, not {held} bytes");
    assert!(server.figure("peak") >= held);
    let meanwhile = get_short();

    drop(asleep);
    let start = Instant::now();
    server.assert_comes_to_rest();
    let home = start.elapsed();
    let afterwards = get_short();
    println!(
        "{ASLEEP} clients asleep held {held} bytes, home {home:?} after they vanished; \
         a new client got 1 MiB in {meanwhile:?} meanwhile, {afterwards:?} afterwards; peak RSS {:.1} MiB",
        server.peak_rss() as f64 / f64::from(1 << 20),
    );
    server.assert_comes_to_rest();
    assert!(server.peak_rss() <= BUDGET + BESIDE_BUDGET);
}
