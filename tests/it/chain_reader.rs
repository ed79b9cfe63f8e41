//! Reading sockets and other transports into chains: no byte is lost.

use std::{
    io::{self, ErrorKind, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BufMut;
use leasehold::{ChainMut, LeaseError, Pool, io::ChainReader};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use crate::support::transport;
#[cfg(unix)]
use transport::sockets::unix_pair;
use transport::{
    Faulty, once, pattern, seed,
    sockets::{blocking, reset, tcp_pair},
};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// Reads to the end, and takes out all bytes after each read.
async fn read_all<T: AsyncRead + Unpin>(
    chain_reader: &mut ChainReader,
    io: &mut T,
    chain: &mut ChainMut,
) -> Vec<u8> {
    let mut got = Vec::new();
    while chain_reader.read(io, chain).await.unwrap() > 0 {
        chain.chunks().for_each(|chunk| got.extend_from_slice(chunk));
        chain.clear();
    }
    got
}

// ---- transports ---------------------------------------------------------------------------------

/// Reads 3 MB that another thread sends with pauses.
async fn is_read_to_its_end<T: AsyncRead + Unpin>(
    mut io: T,
    mut sender: impl Write + Send + 'static,
) {
    let (pool, content) = (pool(), pattern(3_000_000));
    let sent = content.clone();
    let sending = std::thread::spawn(move || {
        for piece in sent.chunks(777_777) {
            sender.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    assert!(read_all(&mut chain_reader, &mut io, &mut chain).await == content);
    sending.join().unwrap();
    assert_eq!(pool.leased(), 0);
    assert_eq!(chain_reader.read(&mut io, &mut chain).await.unwrap(), 0, "an end stays an end");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn tcp_sockets_their_halves_and_references_are_read_to_the_end() {
    let (near, far) = tcp_pair().await;
    is_read_to_its_end(far, blocking(near)).await;
    let (near, mut far) = tcp_pair().await;
    is_read_to_its_end(&mut far, blocking(near)).await;
    let (near, far) = tcp_pair().await;
    let (mut reader, _writer) = far.into_split();
    is_read_to_its_end(&mut reader, blocking(near)).await;
    is_read_to_its_end_again(reader).await;
    let (near, mut far) = tcp_pair().await;
    is_read_to_its_end(far.split().0, blocking(near)).await;
}

/// A half that has ended.
async fn is_read_to_its_end_again(reader: tokio::net::tcp::OwnedReadHalf) {
    let (pool, mut reader) = (pool(), reader);
    assert_eq!(ChainReader::new().read(&mut reader, &mut ChainMut::new(&pool)).await.unwrap(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_their_halves_and_references_are_read_to_the_end() {
    let (near, far) = unix_pair();
    is_read_to_its_end(near, far).await;
    let (mut near, far) = unix_pair();
    is_read_to_its_end(&mut near, far).await;
    let (near, far) = unix_pair();
    is_read_to_its_end(near.into_split().0, far).await;
    let (mut near, far) = unix_pair();
    is_read_to_its_end(near.split().0, far).await;
}

#[tokio::test]
async fn other_transports_are_read_to_the_end() {
    let (near, far) = tokio::io::duplex(10_000);
    let far = tokio::task::spawn_blocking(|| tokio_util::io::SyncIoBridge::new(far)).await.unwrap();
    is_read_to_its_end(near, far).await;
}

#[tokio::test]
async fn every_cut_keeps_bytes_in_order() {
    let (pool, content) = (pool(), pattern(200_000));
    for cut in [1, 2, 7, 1023, 1024, 1025, 4095, 4096, 4097, 65_536, usize::MAX] {
        let mut io =
            Faulty::new(&content[..if cut < 10 { 10_000 } else { 200_000 }]).cut(cut).pending();
        let expected = io.unread().to_vec();
        let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        while chain_reader.read(&mut io, &mut chain).await.unwrap() > 0 {}
        assert!(chain.freeze().to_vec() == expected, "cut {cut}");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_call_that_fails_loses_nothing() {
    let (pool, content) = (pool(), pattern(100_000));
    for call in 0.. {
        let mut io = Faulty::new(&content[..]).cut(5000).failing_at(call);
        let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        let mut errors = 0;
        loop {
            match chain_reader.read(&mut io, &mut chain).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    errors += 1;
                }
            }
        }
        assert_eq!(errors == 1, io.has_failed());
        assert!(chain.freeze().to_vec() == content, "call {call}");
        assert_eq!(pool.leased(), 0);
        if !io.has_failed() {
            break;
        }
    }
}

#[tokio::test]
async fn random_reads_of_frames_over_random_transports() {
    let pool = pool();
    let mut dice = SmallRng::seed_from_u64(seed());
    for _ in 0..100 {
        let content = pattern(dice.random_range(0..300_000));
        let mut io = Faulty::random(&content[..], dice.random());
        let (mut chain_reader, mut chain, mut got) =
            (ChainReader::new(), ChainMut::new(&pool), Vec::new());
        while chain_reader.read(&mut io, &mut chain).await.unwrap() > 0 {
            // Some of what is there, so that partial frames stay and blocks are begun anywhere.
            let taken = chain.split_frame(dice.random_range(0..=chain.len()));
            got.extend_from_slice(&taken.to_vec());
        }
        got.extend_from_slice(&chain.freeze().to_vec());
        assert!(got == content);
        assert_eq!(pool.leased(), 0);
    }
}

// ---- cancelled ----------------------------------------------------------------------------------

#[tokio::test]
async fn cancelled_at_every_poll_no_byte_is_lost_and_nothing_is_leased_without_bytes() {
    let (pool, content) = (pool(), pattern(100_000));
    let mut io = Faulty::new(&content[..]).cut(3000).pending();
    let (mut chain_reader, mut chain, mut got) =
        (ChainReader::new(), ChainMut::new(&pool), Vec::new());
    loop {
        match once(chain_reader.read(&mut io, &mut chain)).await {
            std::task::Poll::Pending => assert_eq!(pool.leased(), 0),
            std::task::Poll::Ready(Ok(0)) => break,
            std::task::Poll::Ready(read) => assert_eq!(read.unwrap(), chain.len()),
        }
        got.extend_from_slice(&chain.split().freeze().to_vec());
        chain.release_room();
    }
    assert!(got == content);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_socket_whose_reads_are_cancelled_at_every_poll_loses_nothing() {
    let (pool, content) = (pool(), pattern(3_000_000));
    let (near, mut far) = tcp_pair().await;
    let (sent, mut near) = (content.clone(), blocking(near));
    let sending = std::thread::spawn(move || near.write_all(&sent).unwrap());
    let (mut chain_reader, mut chain, mut got) =
        (ChainReader::new(), ChainMut::new(&pool), Vec::new());
    loop {
        match once(chain_reader.read(&mut far, &mut chain)).await {
            std::task::Poll::Pending => {
                assert_eq!(pool.leased(), 0);
                tokio::task::yield_now().await;
            }
            std::task::Poll::Ready(Ok(0)) => break,
            std::task::Poll::Ready(read) => assert_eq!(read.unwrap(), chain.len()),
        }
        got.extend_from_slice(&chain.split().freeze().to_vec());
    }
    sending.join().unwrap();
    assert!(got == content);
    assert_eq!(pool.leased(), 0);
}

// ---- ends ---------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reset_comes_after_the_bytes_before_it() {
    for sent in [5, 4096, 100_000] {
        let pool = pool();
        let (mut near, mut far) = tcp_pair().await;
        near.write_all(&pattern(sent)).await.unwrap();
        reset(near);
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        let error = loop {
            match chain_reader.read(&mut far, &mut chain).await {
                Ok(count) => assert!(count > 0, "a reset is no end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(chain.freeze().to_vec() == pattern(sent));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn bytes_and_an_end_that_came_together_are_both_seen() {
    for sent in [5, 4096, 4097, 20 * KIB + 4096] {
        let pool = pool();
        let (mut near, mut far) = tcp_pair().await;
        near.write_all(&pattern(sent)).await.unwrap();
        near.shutdown().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        let reading = async { while chain_reader.read(&mut far, &mut chain).await.unwrap() > 0 {} };
        tokio::time::timeout(Duration::from_secs(5), reading).await.expect("the end is seen");
        assert!(chain.freeze().to_vec() == pattern(sent));
        assert_eq!(pool.leased(), 0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn bytes_behind_urgent_data_are_not_left_behind() {
    let pool = pool();
    let (mut near, mut far) = tcp_pair().await;
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    // A read that is filled teaches the socket to tell what is left.
    near.write_all(&pattern(5000)).await.unwrap();
    while chain.len() < 5000 {
        chain_reader.read(&mut far, &mut chain).await.unwrap();
    }
    chain.clear();
    near.write_all(b"abc").await.unwrap();
    socket2::SockRef::from(&near).send_out_of_band(b"!").unwrap();
    near.write_all(b"def").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let reading = async {
        while chain.len() < 6 {
            chain_reader.read(&mut far, &mut chain).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("all is there");
    assert_eq!(chain.freeze(), *b"abcdef");
    assert_eq!(pool.leased(), 0);
}

// ---- fair, and clear ----------------------------------------------------------------------------

#[tokio::test]
async fn a_reader_that_always_has_more_lets_other_tasks_run() {
    let pool = pool();
    let (near, mut far) = tcp_pair().await;
    let (sent, mut near) = (pattern(16 << 20), blocking(near));
    let sending = std::thread::spawn(move || near.write_all(&sent).unwrap());
    let ticks = std::rc::Rc::new(std::cell::Cell::new(0u64));
    let ticking = ticks.clone();
    let local = tokio::task::LocalSet::new();
    local.spawn_local(async move {
        loop {
            ticking.set(ticking.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    local
        .run_until(async {
            let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
            let (mut longest, mut stretch, mut seen) = (0, 0, 0);
            loop {
                let count = chain_reader.read(&mut far, &mut chain).await.unwrap();
                if count == 0 {
                    break;
                }
                chain.clear();
                stretch = if ticks.get() == seen { stretch + count } else { count };
                (longest, seen) = (longest.max(stretch), ticks.get());
            }
            assert!(longest <= 1 << 20, "{longest} bytes at a stretch");
        })
        .await;
    sending.join().unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_chain_without_a_pool_is_a_clear_error() {
    let pool = pool();
    let mut front = pool.try_chain(10).unwrap();
    front.put_slice(b"0123456789");
    let mut detached = front.split_to(4);
    front.release_room();
    let (mut near, mut far) = tcp_pair().await;
    near.write_all(b"hello").await.unwrap();
    let error = ChainReader::new().read(&mut far, &mut detached).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.get_ref().unwrap().downcast_ref::<LeaseError>().unwrap().is_detached(),
        "{error}"
    );
    let error = ChainReader::new().read(&mut &b"hello"[..], &mut detached).await.unwrap_err();
    assert!(
        error.get_ref().unwrap().downcast_ref::<LeaseError>().unwrap().is_detached(),
        "{error}"
    );
    assert_eq!((detached.len(), front.len()), (4, 6));
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    assert_eq!(
        chain_reader.read(&mut far, &mut chain).await.unwrap(),
        5,
        "the bytes were not touched"
    );
    drop((front, detached, chain));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_intake_is_small_and_reads_on_any_thread() {
    fn assert_send_sync<T: Send + Sync>(_: &T) {}

    let pool = pool();
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    assert!(size_of_val(&chain_reader) <= 3 * size_of::<usize>());
    assert_send_sync(&chain_reader);
    assert_send_sync(&chain_reader.read(&mut Faulty::new([]), &mut chain));
    assert_send_sync(&leasehold::io::BufStream::new(Faulty::new([]), &pool));
}

// ---- turns --------------------------------------------------------------------------------------

/// Has bytes whenever it is asked, so many at once.
struct Endless(usize);

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = self.0.min(buf.remaining());
        buf.put_slice(&[7; 64 * KIB][..count]);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_peer_that_sends_as_fast_as_it_is_read_lets_others_have_their_turn() {
    const TURN: usize = 512 * KIB;
    let pool = pool();
    for count in [1, 1_000, 5_000, 40_000, 64 * KIB] {
        let (mut io, mut chain_reader, mut chain) =
            (Endless(count), ChainReader::new(), ChainMut::new(&pool));
        for _ in 0..3 {
            let mut turn = 0;
            while let Poll::Ready(read) = once(chain_reader.read(&mut io, &mut chain)).await {
                turn += read.unwrap();
                chain.clear();
                assert!(turn < TURN + 64 * KIB, "{count} at once: {turn} bytes in one turn");
            }
            assert!(turn >= (TURN / 2).min(100 * count), "{count} at once: a turn of {turn} bytes");
        }
        drop(chain);
        assert_eq!(pool.leased(), 0);
    }
}
