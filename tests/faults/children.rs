//! Programs that are started while blocks are leased and written by other threads: in a copy of
//! this process for a moment (`vfork`), or in one with memory of its own (`fork`, which a change of
//! the user asks for).

#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
};

use bytes::BufMut;
use leasehold::{Block, Pool};

const BLOCK_LEN: usize = 4 << 10;
const CHILDREN: usize = 20;

/// A block with this number in all its bytes.
fn numbered(pool: &Pool, number: u8) -> Block {
    let mut block = pool.try_lease(BLOCK_LEN).expect("room");
    block.put_bytes(number, BLOCK_LEN);
    block.freeze()
}

fn is_whole(block: &Block, number: u8) -> bool {
    block.len() == BLOCK_LEN && block.iter().all(|&byte| byte == number)
}

/// Starts a program that lists its descriptors, in either way.
fn child(is_forked: bool) -> String {
    let mut command = Command::new("ls");
    command.args(["-l", "/proc/self/fd"]).stdin(Stdio::null()).stderr(Stdio::null());
    if is_forked {
        // Its own, which the standard library cannot set without a fork.
        command.uid(fs::metadata("/proc/self").expect("a process").uid());
    }
    let output = command.output().expect("the command `ls` runs");
    String::from_utf8(output.stdout).expect("text")
}

/// The sockets that this process has open.
fn sockets() -> Vec<String> {
    let links = fs::read_dir("/proc/self/fd")
        .expect("a process")
        .flatten()
        .flat_map(|entry| fs::read_link(entry.path()));
    links
        .map(|link| link.to_string_lossy().into_owned())
        .filter(|link| link.starts_with("socket:"))
        .collect()
}

#[test]
fn programs_that_are_started_see_and_change_nothing() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _sockets = runtime.block_on(crate::transport::sockets::tcp_pair());
    for is_kept_from_children in [false, true] {
        let builder =
            Pool::builder().classes([BLOCK_LEN]).budget(1 << 20).dont_fork(is_kept_from_children);
        let pool = builder.build().expect("a valid pool");
        let kept: Vec<Block> = (0..64).map(|number| numbered(&pool, number)).collect();
        let (is_over, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..2u8 {
                let (pool, is_over, turns) = (&pool, &is_over, &turns);
                scope.spawn(move || {
                    let mut before = numbered(pool, 100 + thread);
                    let mut number = 100 + thread;
                    while !is_over.load(Relaxed) {
                        let next = numbered(pool, number ^ 7);
                        assert!(is_whole(&before, number));
                        (before, number) = (next, number ^ 7);
                        turns.fetch_add(1, Relaxed);
                    }
                });
            }
            for at in 0..CHILDREN {
                let seen = child(at % 2 == 0);
                assert!(seen.contains("/dev/null"), "it has lists of its own: {seen}");
                assert!(!seen.contains("anon_inode"), "nothing to wait with: {seen}");
                for socket in sockets() {
                    assert!(!seen.contains(&socket), "{socket} in {seen}");
                }
            }
            is_over.store(true, Relaxed);
        });
        assert!(kept.iter().zip(0..).all(|(block, number)| is_whole(block, number)));
        assert_eq!(pool.leased(), 64 * BLOCK_LEN);
        drop(kept);
        assert_eq!(pool.leased(), 0);
        println!(
            "children started: {CHILDREN}, beside {} leases{}, 0 blocks changed",
            turns.into_inner(),
            if is_kept_from_children { " of memory that is kept from them" } else { "" }
        );
    }
}
