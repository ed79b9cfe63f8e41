//! What a transport may do, and relays that are cancelled.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use leasehold::{Pool, io::Relay};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, DuplexStream, ReadBuf,
        duplex,
    },
    time::timeout,
};

use super::{SOON, beside, bytes, talk, tcp_pair};

/// A pipe in memory that is as slow and as odd as a transport may be: it is pending for no reason,
/// reads and writes a few bytes at a time, and gives nothing to the other side before it is
/// flushed.
struct Odd {
    inner: BufWriter<DuplexStream>,
    rng: SmallRng,
}

impl Odd {
    fn new(inner: DuplexStream, seed: u64) -> Self {
        Self { inner: BufWriter::with_capacity(100, inner), rng: SmallRng::seed_from_u64(seed) }
    }

    fn is_pending(&mut self, cx: &Context<'_>) -> bool {
        let is_pending = self.rng.random_ratio(1, 3);
        if is_pending {
            cx.waker().wake_by_ref();
        }
        is_pending
    }
}

impl AsyncRead for Odd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        let mut bytes = [0; 200];
        let most = self.rng.random_range(1..=bytes.len()).min(buf.remaining());
        let mut part = ReadBuf::new(&mut bytes[..most]);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut part);
        buf.put_slice(part.filled());
        polled
    }
}

impl AsyncWrite for Odd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        let most = self.rng.random_range(1..200).min(buf.len());
        Pin::new(&mut self.inner).poll_write(cx, &buf[..most])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn odd_transports_lose_nothing() {
    let pool = Pool::new(8 << 20).unwrap();
    for seed in 0..20 {
        let ((client, inbound), (server, outbound)) = (duplex(150), duplex(150));
        let (sent, sent_back) = (bytes(30_000, seed), bytes(20_000, seed + 100));
        let mut relay = Relay::with_limit(
            Odd::new(inbound, seed),
            Odd::new(outbound, seed + 1),
            &pool,
            8 << 10,
        );
        let all = async { tokio::join!(&mut relay, talk(client, &sent), talk(server, &sent_back)) };
        let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
        assert!(heard == sent && heard_back == sent_back, "seed {seed}");
        assert_eq!(moved.unwrap(), (30_000, 20_000));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn what_a_transport_keeps_back_is_flushed_when_nothing_follows() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (mut server, outbound)) = (duplex(1000), duplex(1000));
    let mut relay = Relay::new(Odd::new(inbound, 5), Odd::new(outbound, 6), &pool);
    for round in 0..20 {
        let exchange = async {
            client.write_u8(round).await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), round);
            server.write_u8(round + 1).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), round + 1);
        };
        beside(&mut relay, exchange).await;
    }
    drop(relay);
    assert_eq!(pool.leased(), 0);
}

/// Polls a relay once at a time, each time as another future that is dropped.
async fn interrupted<A, B>(relay: &mut Relay<A, B>) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        tokio::select! {
            biased;
            moved = &mut *relay => return moved,
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn a_relay_that_is_cancelled_goes_on_without_loss() {
    let pool = Pool::new(8 << 20).unwrap();
    let (sent, sent_back) = (bytes(300_000, 8), bytes(200_000, 9));
    let ((client, inbound), (server, outbound)) = (duplex(4000), duplex(4000));
    let mut relay =
        Relay::with_limit(Odd::new(inbound, 10), Odd::new(outbound, 11), &pool, 16 << 10);
    let all = async {
        tokio::join!(interrupted(&mut relay), talk(client, &sent), talk(server, &sent_back))
    };
    let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
    assert!(heard == sent && heard_back == sent_back);
    assert_eq!(moved.unwrap(), (300_000, 200_000));

    let ((client, inbound), (server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    let all = async {
        tokio::join!(interrupted(&mut relay), talk(client, &sent), talk(server, &sent_back))
    };
    let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
    assert!(heard == sent && heard_back == sent_back);
    assert_eq!(moved.unwrap(), (300_000, 200_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_relay_that_is_dropped_at_any_poll_leaves_nothing_leased() {
    let pool = Pool::new(8 << 20).unwrap();
    for polls in 0..60 {
        let ((client, inbound), (server, outbound)) = (duplex(150), duplex(150));
        let (sent, sent_back) = (bytes(5000, 1), bytes(5000, 2));
        let mut relay = Relay::new(Odd::new(inbound, polls), Odd::new(outbound, polls + 1), &pool);
        let mut polled = 0;
        let some = std::future::poll_fn(|cx| {
            polled += 1;
            let is_over = polled > polls;
            if is_over || Pin::new(&mut relay).poll(cx).is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            () = some => {}
            _ = talk(client, &sent) => {}
            _ = talk(server, &sent_back) => {}
        }
        drop(relay);
        assert_eq!(pool.leased(), 0, "after {polls} polls");
    }
}
