//! Errors of a transport.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use leasehold::{Pool, io::Relay};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex},
    time::timeout,
};

use super::{REST, SOON, beside, tcp_pair};

#[tokio::test]
async fn a_reset_ends_the_relay_once_the_other_side_has_ended() {
    let pool = Pool::new(8 << 20).unwrap();
    for client_resets in [true, false] {
        let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let mut relay = Relay::new(inbound, outbound, &pool);
        let exchange = async {
            client.write_all(b"ping").await.unwrap();
            server.read_exact(&mut [0; 4]).await.unwrap();
        };
        beside(&mut relay, exchange).await;
        let (resetting, mut other) =
            if client_resets { (client, server) } else { (server, client) };
        resetting.set_zero_linger().unwrap();
        drop(resetting);
        let hear_the_end = async move { assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0) };
        let (moved, ()) =
            timeout(SOON, async { tokio::join!(&mut relay, hear_the_end) }).await.unwrap();
        assert_eq!(moved.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!((relay.a_to_b(), relay.b_to_a()), (4, 0));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_reader_or_a_writer_that_fails_ends_the_relay_in_time() {
    let pool = Pool::new(8 << 20).unwrap();
    let fault = || io::Error::other("broken");
    let (mut peer, quiet) = duplex(64);
    let reader = tokio_test::io::Builder::new().read_error(fault()).build();
    let mut relay = Relay::new(quiet, reader, &pool).linger_timeout(REST);
    assert_eq!(timeout(SOON, &mut relay).await.unwrap().unwrap_err().to_string(), "broken");

    let (source, _) = relay.into_inner();
    peer.write_all(b"hello").await.unwrap();
    let writer = tokio_test::io::Builder::new().write_error(fault()).build();
    let mut relay = Relay::new(source, writer, &pool).linger_timeout(REST);
    assert_eq!(timeout(SOON, &mut relay).await.unwrap().unwrap_err().to_string(), "broken");
    assert_eq!((relay.a_to_b(), relay.b_to_a()), (0, 0));
    drop(relay);
    assert_eq!(pool.leased(), 0);
}

/// Takes nothing, and says so.
struct Full;

impl AsyncRead for Full {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_writer_that_takes_nothing_is_an_error() {
    let pool = Pool::new(8 << 20).unwrap();
    let (mut client, inbound) = duplex(64);
    client.write_all(b"hello").await.unwrap();
    let error = timeout(SOON, Relay::new(inbound, Full, &pool).linger_timeout(REST))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    assert_eq!(pool.leased(), 0);
}
