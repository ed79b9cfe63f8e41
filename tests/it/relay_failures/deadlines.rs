//! Deadlines of a relay.

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use leasehold::{Pool, io::Relay};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex},
    time::timeout,
};

use super::{SOON, tcp_pair};
use crate::support::transport::broken::{Broken, Last};

/// How the relay ends, and after how long.
async fn timed<A, B>(relay: &mut Relay<A, B>) -> (io::Result<(u64, u64)>, Duration)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let begun = tokio::time::Instant::now();
    let moved = timeout(Duration::from_secs(86_400), relay).await.expect("it hangs");
    (moved, begun.elapsed())
}

fn assert_about(passed: Duration, expected: Duration) {
    assert!(
        expected <= passed && passed < expected + Duration::from_millis(20),
        "{passed:?} for {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_direction_that_is_silent_after_the_other_has_failed_is_ended() {
    let pool = Pool::new(8 << 20).unwrap();
    for (set, expected) in [(None, 10), (Some(3), 3)] {
        let (_server, near) = duplex(1 << 10);
        let broken = Broken::new([], Last::Error(ErrorKind::InvalidData));
        let mut relay = Relay::new(broken, near, &pool);
        if let Some(secs) = set {
            relay = relay.linger_timeout(Duration::from_secs(secs));
        }
        let (moved, passed) = timed(&mut relay).await;
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_about(passed, Duration::from_secs(expected));
    }
    assert_eq!(pool.leased(), 0);
}

/// Sends for ever, and takes all.
struct Endless {
    pace: Option<tokio::time::Interval>,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(pace) = &mut self.pace {
            std::task::ready!(pace.poll_tick(cx));
        }
        let len = buf.remaining();
        buf.initialize_unfilled();
        buf.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_side_that_sends_on_is_not_read_for_ever() {
    let pool = Pool::new(8 << 20).unwrap();
    let gone = || Broken::new([&b"enough"[..]], Last::End).failing_to_write(ErrorKind::BrokenPipe);
    let slow = Endless { pace: Some(tokio::time::interval(Duration::from_millis(100))) };
    let mut relay = Relay::new(slow, gone(), &pool);
    let (moved, passed) = timed(&mut relay).await;
    assert_eq!((moved.unwrap_err().kind(), relay.b_to_a()), (ErrorKind::BrokenPipe, 6));
    assert_about(passed, Duration::from_secs(10));

    let mut relay = Relay::new(Endless { pace: None }, gone(), &pool);
    let mut polls = 0;
    let (moved, passed) = {
        let mut polled = Box::pin(timed(&mut relay));
        poll_fn(|cx| {
            polls += 1;
            polled.as_mut().poll(cx)
        })
        .await
    };
    assert_eq!((moved.unwrap_err().kind(), relay.b_to_a()), (ErrorKind::BrokenPipe, 6));
    assert_eq!(passed, Duration::ZERO, "the number of bytes ends it");
    assert!(polls > 100, "others run in between: {polls} polls");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_tunnel_that_was_silent_ends_with_a_reset_at_once() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
    let mut relay =
        Relay::new(inbound, outbound, &pool).linger_timeout(Duration::from_millis(1500));
    let talk = async {
        client.write_all(b"hello").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1600)).await; // all that was written has arrived long ago
        client.set_zero_linger().unwrap();
        drop(client);
        Instant::now()
    };
    let (moved, reset) = timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(reset.elapsed() < Duration::from_millis(1000), "{:?}", reset.elapsed());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_relay_ends_when_it_is_told_to() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (duplex(64), duplex(64));
    let mut relay = Relay::new(inbound, outbound, &pool).idle_timeout(Duration::from_secs(60));
    let talk = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            client.write_all(b"?").await.unwrap();
            server.read_u8().await.unwrap();
            tokio::time::sleep(Duration::from_secs(50)).await;
            server.write_all(b"!").await.unwrap();
            client.read_u8().await.unwrap();
            assert_eq!(pool.leased(), 0);
        }
    };
    let ((moved, passed), ()) = tokio::join!(timed(&mut relay), talk);
    let error = moved.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "no byte in either direction for 60s (idle_timeout)");
    assert_about(passed, Duration::from_secs(560));
    assert_eq!((relay.a_to_b(), relay.b_to_a(), pool.leased()), (5, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_half_open_relay_ends_when_it_is_told_to() {
    let pool = Pool::new(8 << 20).unwrap();
    for (idle, is_client_first) in [(false, true), (false, false), (true, true), (true, false)] {
        let ((mut first, near), (far, mut second)) = (duplex(64), duplex(64));
        let (a, b) = if is_client_first { (near, far) } else { (far, near) };
        let mut relay = Relay::new(a, b, &pool).half_open_timeout(Duration::from_secs(5));
        if idle {
            relay = relay.idle_timeout(Duration::from_secs(3600));
        }
        let talk = async {
            tokio::time::sleep(Duration::from_secs(1000)).await; // both are open
            first.shutdown().await.unwrap();
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                second.write_all(b"!").await.unwrap();
            }
        };
        let ((moved, passed), ()) = tokio::join!(timed(&mut relay), talk);
        let error = moved.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let expected =
            "one direction has ended, and the other has no byte for 5s (half_open_timeout)";
        assert_eq!(error.to_string(), expected);
        assert_about(passed, Duration::from_secs(1017));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_timeouts_a_relay_waits_for_ever() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, _server)) = (duplex(64), duplex(64));
    let mut relay = Relay::new(inbound, outbound, &pool);
    assert!(timeout(Duration::from_secs(1_000_000), &mut relay).await.is_err());
    client.shutdown().await.unwrap();
    assert!(timeout(Duration::from_secs(1_000_000), &mut relay).await.is_err());
    assert_eq!(pool.leased(), 0);
}
