//! Pings: peers that are gone are given up, and nobody else.

use std::{sync::Arc, time::Duration};

use leasehold::{
    Pool,
    ws::{Config, KeepAlive, Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};

const INTERVAL: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(1);
/// Deadlines are kept by ticks.
const LATE: Duration = Duration::from_millis(500);

fn pool() -> Pool {
    Pool::new(4 << 20).expect("a budget")
}

fn config() -> Arc<Config> {
    Arc::new(Config::new().keep_alive(&KeepAlive::new(INTERVAL, TIMEOUT)))
}

/// A server's socket, and the bytes on the other side.
fn server(pool: &Pool, config: &Arc<Config>) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(1 << 10);
    (WebSocket::with_config(near, Role::Server, pool, Arc::clone(config)), far)
}

/// A masked frame of a client; the key is zero.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let head =
        [0x80 | opcode, 0x80 | u8::try_from(payload.len()).expect("a short one"), 0, 0, 0, 0];
    [&head, payload].concat()
}

async fn expect_ping(far: &mut DuplexStream) {
    let mut bytes = [0; 2];
    far.read_exact(&mut bytes).await.expect("a frame");
    assert_eq!(bytes, [0x89, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept_and_one_that_does_not_is_given_up() {
    let (pool, config) = (pool(), config());
    let (mut socket, mut far) = server(&pool, &config);
    let begin = Instant::now();
    let task = tokio::spawn(async move {
        let pong = socket.recv().await.expect("a pong").expect("no error");
        assert!(matches!(pong, Message::Pong(_)));
        (socket.recv().await, Instant::now())
    });
    expect_ping(&mut far).await;
    let pinged = begin.elapsed();
    assert!(pinged >= INTERVAL && pinged <= INTERVAL + LATE, "{pinged:?}");
    far.write_all(&frame(0xa, b"")).await.expect("it is read");
    let answered = Instant::now();
    expect_ping(&mut far).await;
    let (ended, at) = task.await.expect("no panic");
    assert!(ended.expect("an error").expect_err("nothing came").is_silent());
    let silent = at - answered;
    assert!(silent >= INTERVAL + TIMEOUT && silent <= INTERVAL + TIMEOUT + 2 * LATE, "{silent:?}");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_something_is_not_pinged() {
    let (pool, config) = (pool(), config());
    let (mut socket, mut far) = server(&pool, &config);
    let task = tokio::spawn(async move { while let Some(Ok(_)) = socket.recv().await {} });
    for _ in 0..10 {
        sleep(INTERVAL * 3 / 4).await;
        far.write_all(&frame(0x1, b"here")).await.expect("it is read");
    }
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(1), far.read_exact(&mut byte)).await.is_err(),
        "nothing was sent"
    );
    expect_ping(&mut far).await;
    drop(far);
    task.await.expect("no panic");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_moves_to_another_task_is_pinged_all_the_same() {
    let (pool, config) = (pool(), config());
    let (mut socket, mut far) = server(&pool, &config);
    assert!(timeout(Duration::from_millis(1), socket.recv()).await.is_err());
    tokio::spawn(async move { while let Some(Ok(_)) = socket.recv().await {} });
    timeout(INTERVAL + LATE, expect_ping(&mut far)).await.expect("in time");
}

#[tokio::test(start_paused = true)]
async fn many_sockets_share_one_timer_which_ends_with_them() {
    let (pool, config) = (pool(), config());
    let mut sockets: Vec<_> = (0..100).map(|_| server(&pool, &config)).collect();
    let mut tasks = Vec::new();
    let mut fars = Vec::new();
    for (mut socket, far) in sockets.drain(..) {
        tasks.push(tokio::spawn(async move { while let Some(Ok(_)) = socket.recv().await {} }));
        fars.push(far);
    }
    for far in &mut fars {
        timeout(INTERVAL + LATE, expect_ping(far)).await.expect("in time");
    }
    drop((config, fars));
    for task in tasks {
        task.await.expect("no panic");
    }
    sleep(LATE).await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn the_timer_sleeps_while_there_is_no_socket_and_wakes_for_the_next_one() {
    let (pool, config) = (pool(), config());
    for _ in 0..3 {
        let (mut socket, mut far) = server(&pool, &config);
        let task = tokio::spawn(async move { while let Some(Ok(_)) = socket.recv().await {} });
        let begun = Instant::now();
        timeout(INTERVAL + LATE, expect_ping(&mut far)).await.expect("in time");
        assert!(begun.elapsed() >= INTERVAL, "{:?}", begun.elapsed());
        assert_eq!(alive_tasks(), 2);
        drop(far);
        task.await.expect("no panic");
        sleep(LATE).await;
        assert_eq!(alive_tasks(), 0, "the settings live on, and nothing ticks");
        sleep(10 * INTERVAL).await;
    }
}

#[test]
fn the_timer_goes_on_in_another_runtime_when_that_of_the_first_socket_is_gone() {
    let (pool, config) = (pool(), config());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
    };
    let (first, _far) = runtime().block_on(async {
        let (mut socket, far) = server(&pool, &config);
        assert!(timeout(LATE, socket.recv()).await.is_err());
        (socket, far)
    });
    runtime().block_on(async {
        let (mut socket, mut far) = server(&pool, &config);
        tokio::spawn(async move { while let Some(Ok(_)) = socket.recv().await {} });
        timeout(INTERVAL + LATE, expect_ping(&mut far)).await.expect("in time");
    });
    drop(first);
    assert_eq!(pool.leased(), 0);
}
