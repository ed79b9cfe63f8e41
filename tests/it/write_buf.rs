//! Writing chains, and any `Buf`, to transports of all manners.

use std::{pin::Pin, task::Poll};

use bytes::{Buf, BufMut, Bytes};
use leasehold::{
    Chain, Pool,
    io::{limit_unsent, poll_write_buf, write_all_buf},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use crate::support::transport;
use transport::{Faulty, once, pattern, seed};

const KIB: usize = 1 << 10;

/// A chain of pieces of these lengths, all in blocks of their own, or every other one foreign.
fn chain_of(pool: &Pool, lens: &[usize], content: &[u8]) -> Chain {
    let mut chain = Chain::new();
    let mut rest = content;
    for (index, &len) in lens.iter().enumerate() {
        let (piece, behind) = rest.split_at(len);
        rest = behind;
        if index % 2 == 0 {
            let mut block = pool.try_lease(len).unwrap();
            block.put_slice(piece);
            chain.push(block.freeze());
        } else {
            chain.push(Bytes::copy_from_slice(piece));
        }
    }
    assert!(rest.is_empty() && chain.segment_count() == lens.len());
    chain
}

async fn poll_write<T: AsyncWrite + Unpin>(
    io: &mut T,
    buf: &mut impl Buf,
) -> std::io::Result<usize> {
    std::future::poll_fn(|cx| poll_write_buf(Pin::new(&mut *io), cx, buf)).await
}

#[tokio::test]
async fn every_cut_keeps_bytes_in_order() {
    let pool = Pool::new(8 << 20).unwrap();
    let lens = [600, 5000, 1, 700, 9000, 4096, 20_000, 513];
    let content = pattern(lens.iter().sum());
    for cut in [1, 2, 3, 7, 64].into_iter().chain([
        599,
        600,
        601,
        5600,
        5601,
        8191,
        8192,
        8193,
        30_000,
        usize::MAX,
    ]) {
        for is_vectored in [false, true] {
            let io = Faulty::new([]).cut(cut).pending();
            let mut io = if is_vectored { io.vectored() } else { io };
            let mut chain = chain_of(&pool, &lens, &content);
            write_all_buf(&mut io, &mut chain).await.unwrap();
            assert!(io.sent() == content, "cut {cut}, vectored: {is_vectored}");
            assert_eq!((chain.len(), pool.leased()), (0, 0));
        }
    }
}

#[tokio::test]
async fn a_call_that_fails_loses_nothing() {
    let pool = Pool::new(8 << 20).unwrap();
    let lens = [600, 5000, 1, 700, 9000, 4096, 20_000, 513];
    let content = pattern(lens.iter().sum());
    for is_vectored in [false, true] {
        for call in 0.. {
            let io = Faulty::new([]).cut(1700).failing_at(call);
            let mut io = if is_vectored { io.vectored() } else { io };
            let mut chain = chain_of(&pool, &lens, &content);
            let written = write_all_buf(&mut io, &mut chain).await;
            assert_eq!(written.is_err(), io.has_failed());
            assert_eq!(io.sent().len() + chain.len(), content.len());
            let is_last = !io.has_failed();
            write_all_buf(&mut io, &mut chain).await.unwrap();
            assert!(io.sent() == content, "call {call}");
            assert_eq!(pool.leased(), 0);
            if is_last {
                break;
            }
        }
    }
}

#[tokio::test]
async fn cancelled_at_every_poll_it_goes_on_where_it_was() {
    let pool = Pool::new(8 << 20).unwrap();
    let lens = [600, 5000, 1, 700, 9000];
    let content = pattern(lens.iter().sum());
    let mut io = Faulty::new([]).cut(100).pending();
    let mut chain = chain_of(&pool, &lens, &content);
    let mut polls = 1;
    while once(write_all_buf(&mut io, &mut chain)).await.is_pending() {
        assert_eq!(io.sent().len() + chain.len(), content.len());
        polls += 1;
    }
    assert!(io.sent() == content && polls > content.len() / 100);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn random_chains_over_random_transports() {
    let pool = Pool::new(8 << 20).unwrap();
    let seed = seed();
    let mut dice = SmallRng::seed_from_u64(seed);
    for _ in 0..100 {
        let lens: Vec<usize> =
            (0..dice.random_range(1..150)).map(|_| dice.random_range(512..3000)).collect();
        let content = pattern(lens.iter().sum());
        let mut chain = chain_of(&pool, &lens, &content);
        let mut io = Faulty::random([], dice.random());
        write_all_buf(&mut io, &mut chain).await.unwrap();
        assert!(io.sent() == content);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_vectored_transport_gets_up_to_64_pieces_a_call_and_a_single_piece_plainly() {
    let pool = Pool::new(8 << 20).unwrap();
    let content = pattern(150 * 600);
    let mut io = Faulty::new([]).vectored();
    let mut chain = chain_of(&pool, &[600; 150], &content);
    for count in [64, 64, 22] {
        assert_eq!(poll_write(&mut io, &mut chain).await.unwrap(), count * 600);
    }
    assert_eq!((io.calls(), io.vectored_calls()), (3, 3));
    assert_eq!(poll_write(&mut io, &mut &b"one"[..]).await.unwrap(), 3);
    assert_eq!((io.calls(), io.vectored_calls()), (4, 3));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_plain_transport_gets_small_pieces_gathered_and_large_ones_as_they_are() {
    let pool = Pool::new(8 << 20).unwrap();
    let lens = [600, 600, 7000, 9000, 600, 20_000, 600, 600];
    let content = pattern(lens.iter().sum());
    let mut chain = chain_of(&pool, &lens, &content);
    let mut io = Faulty::new([]);
    for count in [8192, 8192, 8192, 13_224, 1200] {
        assert_eq!(poll_write(&mut io, &mut chain).await.unwrap(), count);
    }
    assert!(io.sent() == content);
    let mut chain = chain_of(&pool, &[4096, 4096, 600], &pattern(8792));
    assert_eq!(poll_write(&mut io, &mut chain).await.unwrap(), 8192, "8 KiB are gathered in full");
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_empty_buffer_makes_no_call_and_a_transport_that_takes_nothing_is_an_error() {
    let pool = Pool::new(8 << 20).unwrap();
    for is_vectored in [false, true] {
        let io = Faulty::new([]).taking(1000);
        let mut io = if is_vectored { io.vectored() } else { io };
        assert_eq!(poll_write(&mut io, &mut Chain::new()).await.unwrap(), 0);
        write_all_buf(&mut io, &mut Chain::new()).await.unwrap();
        assert_eq!(io.calls(), 0);
        let mut chain = chain_of(&pool, &[700, 700], &pattern(1400));
        let error = write_all_buf(&mut io, &mut chain).await.unwrap_err();
        assert_eq!((error.kind(), chain.len()), (std::io::ErrorKind::WriteZero, 400));
        drop(chain);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn blocks_go_home_as_their_bytes_are_written() {
    let pool = Pool::new(8 << 20).unwrap();
    let mut chain = chain_of(&pool, &[4096, 600, 4096, 600, 4096], &pattern(3 * 4096 + 1200));
    let mut io = Faulty::new([]).cut(4096).vectored();
    assert_eq!(pool.leased(), 3 * 4096);
    for left in [2, 2, 1, 0] {
        poll_write(&mut io, &mut chain).await.unwrap();
        assert_eq!(pool.leased(), left * 4096, "{} bytes left", chain.len());
    }
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Writes to `io` what the reader is to get, with a reader that begins late.
async fn write_and_read<W, R>(mut io: W, mut reader: R)
where
    W: AsyncWrite + Unpin + Send + 'static,
    R: tokio::io::AsyncRead + Unpin + Send + 'static,
{
    let pool = Pool::new(32 << 20).unwrap();
    let lens = [64 * KIB; 128];
    let content = pattern(lens.iter().sum());
    let mut chain = chain_of(&pool, &lens, &content);
    let writer = tokio::spawn(async move {
        write_all_buf(&mut io, &mut chain).await.unwrap();
        // The reader sees the end when the transport is dropped.
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(!writer.is_finished(), "nobody has read");
    let mut got = Vec::new();
    reader.read_to_end(&mut got).await.unwrap();
    writer.await.unwrap();
    assert!(got == content);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_their_halves_get_all_bytes_in_order() {
    let (near, far) = tcp_pair().await;
    limit_unsent(&near, 128 << 10).unwrap();
    write_and_read(near, far).await;
    let (near, far) = tcp_pair().await;
    let (near_read, near_write) = near.into_split();
    write_and_read(near_write, far).await;
    drop(near_read);
    let (near, far) = tokio::io::duplex(3 * KIB);
    write_and_read(near, far).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unix_sockets_and_their_halves_get_all_bytes_in_order() {
    let (near, far) = tokio::net::UnixStream::pair().unwrap();
    write_and_read(near, far).await;
    let (near, far) = tokio::net::UnixStream::pair().unwrap();
    let (near_read, near_write) = near.into_split();
    write_and_read(near_write, far).await;
    drop(near_read);
}

#[tokio::test]
async fn both_halves_of_a_socket_work_at_once_on_two_tasks() {
    let pool = Pool::new(32 << 20).unwrap();
    let (near, far) = tcp_pair().await;
    let content = pattern(8 << 20);
    let mut tasks = tokio::task::JoinSet::new();
    for stream in [near, far] {
        let (mut reader, mut writer) = stream.into_split();
        let (pool, content) = (pool.clone(), content.clone());
        let mut sending = chain_of(&pool, &[64 * KIB; 128], &content);
        tasks.spawn(async move {
            write_all_buf(&mut writer, &mut sending).await.unwrap();
        });
        tasks.spawn(async move {
            let (mut chain_reader, mut chain) =
                (leasehold::io::ChainReader::new(), leasehold::ChainMut::new(&pool));
            let mut got = Vec::new();
            while chain_reader.read(&mut reader, &mut chain).await.unwrap() > 0 {
                chain.chunks().for_each(|chunk| got.extend_from_slice(chunk));
                chain.clear();
            }
            assert!(got == content);
        });
    }
    tasks.join_all().await;
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_peer_that_is_gone_is_an_error_and_the_rest_stays_in_the_chain() {
    let pool = Pool::new(32 << 20).unwrap();
    let (mut near, far) = tcp_pair().await;
    drop(far);
    let mut chain = chain_of(&pool, &[64 * KIB; 128], &pattern(128 * 64 * KIB));
    let error = write_all_buf(&mut near, &mut chain).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset
        ),
        "{error}"
    );
    assert!(!chain.is_empty());
    assert!(matches!(once(write_all_buf(&mut near, &mut chain)).await, Poll::Ready(Err(_))));
    drop(chain);
    assert_eq!(pool.leased(), 0);
}
