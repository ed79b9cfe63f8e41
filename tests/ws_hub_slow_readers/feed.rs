//! The server: a hub, and a member for each connection.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::BufMut;
use leasehold::{
    Pool,
    io::limit_unsent,
    ws::{Config, Hub, Member, Role, SlowPolicy, WebSocket},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

use crate::{LEN, SUBSCRIBERS, count, heap, start_subscribers};

const BUDGET: usize = 64 << 20;

/// What the process may have beside the budget: its program, stacks, tasks, and what the system
/// counts with it.
const BESIDE: usize = 30 << 20;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Nobody that reads is so slow, even on a busy machine.
const PATIENCE: Duration = Duration::from_millis(1500);

/// One feed at a time, for the memory is the whole process's.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn run(policy: SlowPolicy) {
    let _alone: MutexGuard<'_, ()> = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    heap::files::allow(SUBSCRIBERS as u64 + 100);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(broadcast(policy));
}

async fn broadcast(policy: SlowPolicy) {
    let pool = Pool::new(BUDGET).expect("a pool");
    let hub = Hub::builder(&pool).policy(policy).slow_member_timeout(PATIENCE).build();
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(4096).expect("it listens");
    let mut subscribers = start_subscribers(listener.local_addr().expect("an address"));
    let config = Arc::new(Config::new().close_timeout(CLOSE_TIMEOUT));
    let mut members = JoinSet::new();
    let (has_all, mut have_all) = mpsc::unbounded_channel();
    for _ in 0..SUBSCRIBERS {
        let (stream, _) = timeout(Duration::from_secs(20), listener.accept())
            .await
            .expect("all come")
            .expect("they come");
        // What a server of this crate does: the system keeps no more that is not sent.
        limit_unsent(&stream, 128 << 10).expect("an option of the system");
        let socket = WebSocket::with_config(stream, Role::Server, &pool, Arc::clone(&config));
        members.spawn(run_member(hub.join(socket), has_all.clone()));
    }
    let begun = Instant::now();
    for index in 0..count() {
        let mut chain = pool.chain(LEN).await.expect("there is always memory for the next message");
        chain.put_u64(index as u64);
        chain.put_bytes(index as u8, LEN - 8);
        hub.send(chain.freeze()).await.expect("there is always room in the hub");
        assert!(pool.leased() <= BUDGET);
    }
    let elapsed = begun.elapsed();
    for _ in 0..SUBSCRIBERS / 2 {
        let last = timeout(Duration::from_secs(60), have_all.recv());
        last.await.expect("those who read get all of it").expect("members run");
    }
    let inside = hub.len();
    hub.close();
    let mut dropped = Vec::new();
    timeout(Duration::from_secs(60), async {
        while let Some(member) = members.join_next().await {
            dropped.push(member.expect("no panic"));
        }
    })
    .await
    .expect("all of them end");
    let success = tokio::task::spawn_blocking(move || subscribers.wait())
        .await
        .expect("no panic")
        .expect("it ends");
    assert!(success.success(), "those who read got all of it");
    let (slow, resident) = (dropped.iter().filter(|count| **count > 0).count(), peak_resident());
    println!(
        "{policy:?}: {} messages in {elapsed:?}; {slow} missed some; {inside} members at the end; peak {} MiB leased, {} MiB resident",
        count(),
        pool.peak() >> 20,
        resident >> 20
    );
    match policy {
        SlowPolicy::DropOldest => assert_eq!((slow, inside), (SUBSCRIBERS / 2, SUBSCRIBERS)),
        SlowPolicy::Close => {
            assert_eq!(slow, 0);
            assert!(
                (SUBSCRIBERS / 2..SUBSCRIBERS).contains(&inside),
                "the first are gone by now: {inside}"
            );
        }
    }
    assert!(pool.peak() <= BUDGET);
    assert!(resident <= BUDGET + BESIDE, "{resident} bytes are resident");
    assert_eq!((hub.len(), pool.leased(), pool.stats().waiting), (0, 0, 0));
}

/// To its end; how many messages it missed. A subscriber that has all of them says so.
async fn run_member(mut member: Member<TcpStream>, has_all: mpsc::UnboundedSender<()>) -> u64 {
    while let Some(received) = member.recv().await {
        if received.is_ok_and(|message| message.is_data()) {
            has_all.send(()).expect("the feed waits for it");
        }
    }
    member.dropped_count()
}

/// The most memory that this process ever had, as the system counts it.
fn peak_resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is counted");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib << 10
}
