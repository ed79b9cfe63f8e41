//! How many system calls reading and writing cost. Prints the figures: `cargo test --test calls
//! syscalls:: -- --nocapture`.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{
    io::{Read, Write},
    thread,
    time::Duration,
};

use bytes::{Buf, BufMut};
use leasehold::{
    Chain, ChainMut, Pool,
    io::{BufStream, ChainReader, limit_unsent, write_all_buf},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::calls;
use crate::support::transport;
use calls::{Calls, queued, take_recv, take_send};
use transport::{
    pattern,
    sockets::{blocking, tcp_pair},
};

const MIB: usize = 1 << 20;
const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(64 << 20).unwrap()
}

/// A chain of blocks of 64 KiB.
fn chain_of(pool: &Pool, content: &[u8]) -> Chain {
    let mut chain = Chain::new();
    for piece in content.chunks(64 * KIB) {
        let mut block = pool.try_lease(piece.len()).unwrap();
        block.put_slice(piece);
        chain.push(block.freeze());
    }
    chain
}

/// Waits until a MiB, or the whole rest, or all that the system keeps for a socket is there.
async fn wait_until_queued(socket: &TcpStream, rest: usize) {
    let (mut before, mut is_stable_for) = (0, 0);
    while before < MIB.min(rest) && is_stable_for < 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = queued(socket);
        is_stable_for = if now == before && now > 0 { is_stable_for + 1 } else { 0 };
        before = now;
    }
}

#[tokio::test]
async fn what_is_queued_is_read_with_few_calls() {
    let (pool, content) = (pool(), pattern(16 * MIB));
    let (near, mut far) = tcp_pair().await;
    let (mut near, sent) = (blocking(near), content.clone());
    let sending = thread::spawn(move || near.write_all(&sent).unwrap());
    let (mut chain_reader, mut chain, mut got) = (ChainReader::new(), ChainMut::new(&pool), 0);
    take_recv(&far);
    while got < content.len() {
        wait_until_queued(&far, content.len() - got).await;
        let count = chain_reader.read(&mut far, &mut chain).await.unwrap();
        assert!(count > 0 && chain.split().freeze().to_vec() == content[got..got + count]);
        got += count;
    }
    let calls = take_recv(&far);
    println!(
        "reading 16 MiB that are queued: {} calls, {} of them in vain",
        calls.calls, calls.would_block
    );
    assert!(calls.calls <= 16 * 5 && calls.would_block <= 1, "{calls:?}");
    sending.join().unwrap();
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn small_messages_cost_a_call_each_way() {
    let pool = pool();
    let (near, mut far) = tcp_pair().await;
    let mut near = blocking(near);
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let asking = thread::spawn(move || {
        let mut answer = [0; 100];
        for _ in 0..100 {
            near.write_all(&pattern(100)).unwrap();
            near.read_exact(&mut answer).unwrap();
        }
    });
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    take_recv(&far);
    take_send(&far);
    while chain_reader.read(&mut far, &mut chain).await.unwrap() > 0 {
        let mut answer = chain.split_frame(chain.len());
        write_all_buf(&mut far, &mut answer).await.unwrap();
    }
    let (recv, send) = (take_recv(&far), take_send(&far));
    println!(
        "100 messages: {} calls to read, {} of them in vain; {} to write",
        recv.calls, recv.would_block, send.calls
    );
    // One for each, one for the end, and one that finds a fresh socket empty.
    assert!(recv.calls <= 102 && recv.would_block <= 1, "{recv:?}");
    assert_eq!(send, Calls { calls: 100, would_block: 0 });
    asking.join().unwrap();
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn lines_through_a_buf_stream_cost_a_call_each_way() {
    let pool = pool();
    let (near, far) = tcp_pair().await;
    let mut near = blocking(near);
    let asking = thread::spawn(move || {
        let mut answer = [0; 12];
        for _ in 0..100 {
            near.write_all(b"hello there\n").unwrap();
            near.read_exact(&mut answer).unwrap();
        }
    });
    let mut stream = BufStream::new(far, &pool);
    take_recv(stream.get_ref());
    take_send(stream.get_ref());
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.unwrap() > 0 {
        for piece in line.chunks(3) {
            stream.write_all(piece).await.unwrap();
        }
        stream.flush().await.unwrap();
        line.clear();
    }
    let (recv, send) = (take_recv(stream.get_ref()), take_send(stream.get_ref()));
    println!(
        "100 lines: {} calls to read, {} of them in vain; {} to write",
        recv.calls, recv.would_block, send.calls
    );
    assert!(recv.calls <= 102 && recv.would_block <= 1, "{recv:?}");
    assert_eq!(send, Calls { calls: 100, would_block: 0 });
    asking.join().unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_long_chain_is_written_with_few_calls() {
    let pool = pool();
    let (mut near, far) = tcp_pair().await;
    let mut far = blocking(far);
    let reading = thread::spawn(move || {
        let mut buf = vec![0; MIB];
        while far.read(&mut buf).unwrap() > 0 {}
    });
    let content = pattern(MIB);
    let mut all = Vec::new();
    // The system makes more room for a peer that has kept up for a while.
    for _ in 0..32 {
        take_send(&near);
        let mut chain = chain_of(&pool, &content);
        assert_eq!(chain.segment_count(), 16);
        write_all_buf(&mut near, &mut chain).await.unwrap();
        all.push(take_send(&near));
        thread::sleep(Duration::from_millis(2));
    }
    println!(
        "writing 1 MiB in 16 blocks, again and again: {:?} calls",
        all.iter().map(|calls| calls.calls).collect::<Vec<_>>()
    );
    let last = all[31];
    assert!(last.calls <= 4, "{last:?}");
    assert_eq!(all.iter().map(|calls| calls.would_block).sum::<u64>(), 0);
    drop(near);
    reading.join().unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_slow_reader_costs_no_calls_in_vain() {
    for is_bounded in [false, true] {
        let (pool, content) = (pool(), pattern(16 * MIB));
        let (mut near, far) = tcp_pair().await;
        if is_bounded {
            limit_unsent(&near, 128 << 10).unwrap();
        }
        let mut far = blocking(far);
        let expected = content.clone();
        let reading = thread::spawn(move || {
            let (mut buf, mut got) = (vec![0; 64 * KIB], 0);
            loop {
                let count = far.read(&mut buf).unwrap();
                if count == 0 {
                    break;
                }
                assert!(buf[..count] == expected[got..got + count]);
                got += count;
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(got, expected.len());
        });
        let mut chain = chain_of(&pool, &content);
        take_send(&near);
        write_all_buf(&mut near, &mut chain).await.unwrap();
        let calls = take_send(&near);
        println!(
            "writing 16 MiB to a slow reader{}: {} calls, {} of them in vain",
            if is_bounded { ", with 128 KiB unsent at most" } else { "" },
            calls.calls,
            calls.would_block
        );
        assert_eq!(calls.would_block, 0, "{calls:?}");
        assert!(calls.calls > 4, "the reader is not slow");
        drop(near);
        reading.join().unwrap();
        assert_eq!((chain.remaining(), pool.leased()), (0, 0));
    }
}
