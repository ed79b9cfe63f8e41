//! One direction that fails, and the other.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use leasehold::{
    Pool,
    io::{Relay, copy_bidirectional},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    time::timeout,
};

use super::{SOON, tcp_pair};
use crate::support::transport::broken::{Broken, Last};

#[tokio::test]
async fn a_side_that_takes_nothing_more_is_heard_to_the_end() {
    let pool = Pool::new(8 << 20).unwrap();
    for last in [Last::End, Last::Error(ErrorKind::ConnectionReset), Last::Error(ErrorKind::Other)]
    {
        for is_a in [true, false] {
            for sent in [&b"much"[..], b""] {
                let (mut client, near) = duplex(1 << 10);
                client.write_all(sent).await.unwrap();
                let broken = Broken::new([&b"one "[..], b"two "], last)
                    .failing_to_write(ErrorKind::BrokenPipe);
                let talk = async {
                    let mut heard = vec![0; 8];
                    client.read_exact(&mut heard).await.unwrap();
                    client.write_all(b"and more").await.unwrap();
                    client.shutdown().await.unwrap();
                    heard
                };
                let (moved, heard, counts) = if is_a {
                    let mut relay = Relay::new(broken, near, &pool);
                    let (moved, heard) =
                        timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
                    (moved, heard, (relay.b_to_a(), relay.a_to_b()))
                } else {
                    let mut relay = Relay::new(near, broken, &pool);
                    let (moved, heard) =
                        timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
                    (moved, heard, (relay.a_to_b(), relay.b_to_a()))
                };
                assert_eq!((&heard[..], counts), (&b"one two "[..], (0, 8)));
                let kind = moved.expect_err("one direction has failed").kind();
                match last {
                    // Which of the two is first depends on who polls first.
                    Last::Error(read) => {
                        assert!(kind == read || kind == ErrorKind::BrokenPipe, "{kind:?}")
                    }
                    _ => assert_eq!(kind, ErrorKind::BrokenPipe),
                }
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_failed_read_stops_its_direction_only() {
    let pool = Pool::new(8 << 20).unwrap();
    let (mut server, near) = duplex(1 << 10);
    let broken = Broken::new([&b"hello"[..]], Last::Error(ErrorKind::InvalidData));
    let mut relay = Relay::new(broken, near, &pool);
    let talk = async {
        server.read_exact(&mut [0; 5]).await.unwrap();
        for part in ["a ", "long ", "answer"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.write_all(part.as_bytes()).await.unwrap();
        }
        server.shutdown().await.unwrap();
    };
    let (moved, ()) = timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!((relay.a_to_b(), relay.b_to_a()), (5, 13));
    assert_eq!(relay.into_inner().0.written, b"a long answer");
    assert_eq!(pool.leased(), 0);
}

/// What had arrived for a side that is gone is offered to it, however many turns that takes; no
/// more is waited for.
#[tokio::test]
async fn all_that_had_arrived_is_written_to_a_side_that_was_reset() {
    let pool = Pool::new(8 << 20).unwrap();
    let piece = vec![7; 10_000];
    for count in [0, 1, 50, 300] {
        let reset = Broken::new([], Last::Error(ErrorKind::ConnectionReset));
        let silent = Broken::new(std::iter::repeat_n(&piece[..], count), Last::Silence);
        let mut relay = Relay::new(reset, silent, &pool).linger_timeout(Duration::from_secs(3600));
        let moved = timeout(SOON, &mut relay).await.expect("it waits for more");
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!((relay.a_to_b(), relay.b_to_a()), (0, 10_000 * count as u64));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_relay_that_fails_may_be_cancelled_at_every_poll() {
    let pool = Pool::new(8 << 20).unwrap();
    for is_a in [true, false] {
        let (client, near) = duplex(100);
        let broken = Broken::new([&[1; 5000][..], &[2; 5000]], Last::End)
            .failing_to_write(ErrorKind::BrokenPipe);
        let (mut reader, mut writer) = tokio::io::split(client);
        let talk = tokio::spawn(async move {
            let upload = async {
                writer.write_all(&[7; 20_000]).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut heard = Vec::new();
            let (_, read) = tokio::join!(upload, reader.read_to_end(&mut heard));
            read.map(|_| heard)
        });
        let kind = if is_a {
            interrupted(Relay::new(broken, near, &pool)).await
        } else {
            interrupted(Relay::new(near, broken, &pool)).await
        };
        assert_eq!(kind, ErrorKind::BrokenPipe);
        assert_eq!(talk.await.unwrap().unwrap(), [[1; 5000], [2; 5000]].concat());
    }
    assert_eq!(pool.leased(), 0);
}

/// Polls a relay once at a time, each time as another future that is dropped; says what it failed
/// with.
async fn interrupted<A, B>(mut relay: Relay<A, B>) -> ErrorKind
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let polling = async {
        loop {
            tokio::select! {
                biased;
                moved = &mut relay => return moved,
                () = tokio::task::yield_now() => {}
            }
        }
    };
    timeout(SOON, polling).await.expect("it hangs").unwrap_err().kind()
}

#[tokio::test]
async fn only_an_end_is_passed_on_as_one() {
    let pool = Pool::new(8 << 20).unwrap();
    for (last, shutdowns) in [(Last::End, 1), (Last::Error(ErrorKind::UnexpectedEof), 0)] {
        let a = Broken::new([&b"half of it"[..]], last);
        let b = Broken::new([], Last::End);
        let mut relay = Relay::new(a, b, &pool);
        let moved = timeout(SOON, &mut relay).await.unwrap();
        assert_eq!(moved.is_ok(), last == Last::End);
        let (_, b) = relay.into_inner();
        assert_eq!((&b.written[..], b.shutdowns), (&b"half of it"[..], shutdowns));
        assert!(b.flushes + b.shutdowns > 0, "what came before is sent");
    }
    assert_eq!(pool.leased(), 0);
}

/// A bare socket is told that nothing follows: its peer ends, and the relay with it.
#[tokio::test]
async fn a_reset_is_passed_on_to_a_socket_before_the_relay_ends() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    let talk = async move {
        client.write_all(b"last words").await.unwrap();
        server.read_exact(&mut [0; 10]).await.unwrap();
        client.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    };
    let both = async { tokio::join!(&mut relay, talk) };
    let begun = Instant::now();
    let (moved, ()) = timeout(SOON, both).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((relay.a_to_b(), relay.b_to_a()), (10, 0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_copy_of_trait_objects_is_one_as_well() {
    trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}
    impl<T: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for T {}
    let pool = Pool::new(8 << 20).unwrap();
    let mut a: Box<dyn ReadWrite> = Box::new(Broken::new([&b"there"[..]], Last::End));
    let mut b: Box<dyn ReadWrite> = Box::new(Broken::new([&b"and back"[..]], Last::End));
    assert_eq!(tokio::io::copy_bidirectional(&mut *a, &mut *b).await.unwrap(), (5, 8));
    let mut a: Box<dyn ReadWrite> = Box::new(Broken::new([&b"there"[..]], Last::End));
    let mut b: Box<dyn ReadWrite> = Box::new(Broken::new([&b"and back"[..]], Last::End));
    assert_eq!(copy_bidirectional(&mut *a, &mut *b, &pool).await.unwrap(), (5, 8));
    assert_eq!(pool.leased(), 0);
}
