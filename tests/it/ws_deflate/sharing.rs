//! Many sockets, one decompressor.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use leasehold::{Pool, ws::Config};
use tokio::task::JoinSet;

use crate::ws_deflate::{
    transport::once,
    wire::{BINARY, RSV1, TEXT, content, deflated, frame, json, one_of_each, server},
};

#[tokio::test]
async fn two_sockets_take_turns() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let plain = json(1 << 20);
    let incoming = frame(BINARY | RSV1, &deflated(&plain));
    let mut first = server(&pool, &deflate, Config::new(), incoming.repeat(2));
    let mut second = server(&pool, &deflate, Config::new(), incoming);
    let (mut of_first, mut of_second) = (0, 0);
    while of_first + of_second < 3 {
        if let Poll::Ready(message) = once(first.recv()).await {
            assert!(content(message.expect("a message").expect("it is whole")).1 == plain);
            of_first += 1;
        }
        if let Poll::Ready(message) = once(second.recv()).await {
            assert!(content(message.expect("a message").expect("it is whole")).1 == plain);
            of_second += 1;
            assert_eq!(of_first, 1, "it came behind the first message, and goes before the next");
        }
    }
    drop((first, second, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_nobody_polls_holds_nobody_up() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let plain = json(1 << 20);
    let incoming = frame(BINARY | RSV1, &deflated(&plain));
    let mut gone: Vec<_> =
        (0..3).map(|_| server(&pool, &deflate, Config::new(), incoming.clone())).collect();
    for socket in &mut gone {
        // One has the decompressor, the others wait for it.
        while pool.leased() - deflate.reserved() < 100_000 {
            assert!(once(socket.recv()).await.is_pending());
        }
        assert!(once(socket.recv()).await.is_pending());
    }
    let mut socket = server(&pool, &deflate, Config::new(), incoming);
    let begun = tokio::time::Instant::now();
    let message = socket.recv().await.expect("a message").expect("it is whole");
    assert!(content(message).1 == plain);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for mut socket in gone {
        let message = socket.recv().await.expect("a message").expect("it is whole");
        assert!(content(message).1 == plain, "nothing is lost");
    }
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_socket_that_is_gone_gives_the_decompressor_back() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let incoming = frame(BINARY | RSV1, &deflated(&json(1 << 20)));
    let mut gone = server(&pool, &deflate, Config::new(), incoming.clone());
    for _ in 0..5 {
        assert!(once(gone.recv()).await.is_pending());
    }
    drop(gone);
    let mut socket =
        server(&pool, &deflate, Config::new(), frame(TEXT | RSV1, &deflated(b"at once")));
    assert!(once(socket.recv()).await.is_ready());
    drop((socket, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_hundred_sockets_on_one_decompressor_all_get_their_messages() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = one_of_each(&pool);
    let mut tasks = JoinSet::new();
    for index in 0..100 {
        let (pool, deflate) = (pool.clone(), deflate.clone());
        tasks.spawn(async move {
            let plain = json(1_000 * (index % 10 * 20 + 1));
            let incoming = frame(BINARY | RSV1, &deflated(&plain)).repeat(3);
            let mut socket = server(&pool, &deflate, Config::new(), incoming);
            for _ in 0..3 {
                let message = socket.recv().await.expect("a message").expect("it is whole");
                assert!(content(message).1 == plain);
            }
        });
    }
    let begun = Instant::now();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }
    println!("{:?}", begun.elapsed());
    drop(deflate);
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}
