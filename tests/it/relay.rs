//! Relays: both directions, their ends, errors, limits, and what a transport may do.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use leasehold::{
    LeaseError, Pool,
    io::{Relay, copy_bidirectional},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, DuplexStream, ReadBuf,
        duplex,
    },
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for kernel and tasks to come to rest.
const REST: Duration = Duration::from_millis(200);

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Bytes that differ from their neighbours, and from those of another seed.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SmallRng::seed_from_u64(seed).fill(&mut bytes[..]);
    bytes
}

/// Sends all, ends its direction, and receives until the other one ends.
async fn talk<T: AsyncRead + AsyncWrite>(peer: T, sent: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(peer);
    let send = async {
        writer.write_all(sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(send, reader.read_to_end(&mut heard));
    read.unwrap();
    heard
}

/// A relay that only runs while something else does.
async fn beside<A, B, F>(relay: &mut Relay<A, B>, other: F) -> F::Output
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
    F: Future,
{
    let both = async {
        tokio::select! {
            ended = relay => panic!("the relay has ended: {ended:?}"),
            output = other => output,
        }
    };
    timeout(SOON, both).await.expect("it hangs")
}

// ---- both directions ----------------------------------------------------------------------------

#[tokio::test]
async fn bytes_and_counts_of_both_directions_are_right() {
    let pool = Pool::new(8 << 20).unwrap();
    for (there, back) in
        [(0, 0), (1, 0), (0, 1), (5_000_000, 3), (4096, 8192), (3_000_000, 4_000_000)]
    {
        let ((client, inbound), (server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let (sent, sent_back) = (bytes(there, 1), bytes(back, 2));
        let mut relay = Relay::new(inbound, outbound, &pool);
        let all = async { tokio::join!(&mut relay, talk(client, &sent), talk(server, &sent_back)) };
        let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
        assert!(heard == sent && heard_back == sent_back);
        assert_eq!(moved.unwrap(), (there as u64, back as u64));
        assert_eq!(
            (relay.a_to_b(), relay.b_to_a(), relay.leased()),
            (there as u64, back as u64, 0)
        );
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn borrowed_sockets_are_there_afterwards() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((client, mut inbound), (server, mut outbound)) = (tcp_pair().await, tcp_pair().await);
    let all = async {
        tokio::join!(
            copy_bidirectional(&mut inbound, &mut outbound, &pool),
            talk(client, b"hello"),
            talk(server, b"hi")
        )
    };
    let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
    assert_eq!(
        (moved.unwrap(), heard_back.as_slice(), heard.as_slice()),
        ((5, 2), &b"hi"[..], &b"hello"[..])
    );
    assert!(inbound.local_addr().is_ok() && outbound.local_addr().is_ok());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn counts_are_seen_while_it_runs_and_nothing_is_held_while_idle() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    for round in 1..=3 {
        let exchange = async {
            client.write_all(&bytes(100_000, round)).await.unwrap();
            let mut heard = vec![0; 100_000];
            server.read_exact(&mut heard).await.unwrap();
            assert!(heard == bytes(100_000, round));
            server.write_all(b"!").await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'!');
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        beside(&mut relay, exchange).await;
        assert_eq!((relay.a_to_b(), relay.b_to_a()), (100_000 * round, round));
        assert_eq!((relay.leased(), pool.leased()), (0, 0));
    }
}

// ---- ends ---------------------------------------------------------------------------------------

/// `first` ends its direction; the other one goes on, and ends the relay.
async fn half_closed(first: &mut TcpStream, second: &mut TcpStream) {
    first.write_all(b"question").await.unwrap();
    first.shutdown().await.unwrap();
    let mut heard = String::new();
    second.read_to_string(&mut heard).await.unwrap(); // the end is passed on
    assert_eq!(heard, "question");
    for part in ["a ", "long ", "answer"] {
        second.write_all(part.as_bytes()).await.unwrap();
        let mut heard = vec![0; part.len()];
        first.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, part.as_bytes());
    }
    second.shutdown().await.unwrap();
    assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_end_is_passed_on_and_the_other_direction_goes_on() {
    let pool = Pool::new(8 << 20).unwrap();
    for client_first in [true, false] {
        let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let mut relay = Relay::new(inbound, outbound, &pool);
        let peers = async {
            if client_first {
                half_closed(&mut client, &mut server).await;
            } else {
                half_closed(&mut server, &mut client).await;
            }
        };
        let (moved, ()) = timeout(SOON, async { tokio::join!(&mut relay, peers) }).await.unwrap();
        assert_eq!(moved.unwrap(), if client_first { (8, 13) } else { (13, 8) });
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn what_was_sent_before_the_end_arrives_before_it() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let sent = bytes(20_000, 3);
    client.write_all(&sent).await.unwrap();
    drop(client);
    let (moved, heard) = tokio::join!(Relay::new(inbound, outbound, &pool), talk(server, b""));
    assert!(heard == sent);
    assert_eq!(moved.unwrap(), (20_000, 0));
    assert_eq!(pool.leased(), 0);
}

// ---- errors -------------------------------------------------------------------------------------

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

// ---- limits and memory --------------------------------------------------------------------------

/// Sends until nothing is taken any more; returns how much was.
async fn flood(peer: &mut TcpStream) -> usize {
    let mut total = 0;
    while let Ok(written) = timeout(REST, peer.write(&[7; 64 << 10])).await {
        total += written.unwrap();
    }
    total
}

#[tokio::test]
async fn sides_that_stop_reading_hold_at_most_the_limit() {
    let pool = Pool::new(8 << 20).unwrap();
    for limit in [0, 8 << 10, 64 << 10, 512 << 10] {
        let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
        let mut relay = Relay::with_limit(inbound, outbound, &pool, limit);
        let (mut sent, mut sent_back) = (0, 0);
        // On a slow machine the system may go on moving bytes that it took, just when nothing was
        // taken for a while.
        for _ in 0..10 {
            let floods = async { tokio::join!(flood(&mut client), flood(&mut server)) };
            let (more, more_back) = beside(&mut relay, floods).await;
            (sent, sent_back) = (sent + more, sent_back + more_back);
            if relay.leased() > 0 {
                break;
            }
        }
        let held = relay.leased();
        assert!(0 < held && held <= limit.max(8 << 10), "{held} bytes under {limit}");
        assert_eq!(pool.leased(), held);
        // They wake up again: nothing is lost.
        let all = async { tokio::join!(&mut relay, talk(client, b""), talk(server, b"")) };
        let (moved, heard_back, heard) = timeout(SOON, all).await.unwrap();
        assert_eq!((heard.len(), heard_back.len()), (sent, sent_back));
        assert_eq!(moved.unwrap(), (sent as u64, sent_back as u64));
        assert_eq!(pool.leased(), 0);
    }
}

/// As `tcp_pair`, with kernel buffers of these lengths where the second one receives and the first
/// one sends.
async fn tcp_pair_with(send_len: u32, receive_len: u32) -> (TcpStream, TcpStream) {
    let (connecting, listening) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    connecting.set_send_buffer_size(send_len).unwrap();
    listening.set_recv_buffer_size(receive_len).unwrap();
    listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listening.listen(1).unwrap();
    let (near, far) =
        tokio::join!(connecting.connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[tokio::test]
async fn one_side_that_stops_reading_does_not_stop_the_other_direction() {
    let pool = Pool::new(8 << 20).unwrap();
    // Much is there to be read, and little is taken: the relay is offered more than its limit at
    // once.
    let (mut client, inbound) = tcp_pair_with(2 << 20, 2 << 20).await;
    let (outbound, mut server) = tcp_pair_with(4 << 10, 4 << 10).await;
    let mut relay = Relay::with_limit(inbound, outbound, &pool, 256 << 10);
    for _ in 0..3 {
        flood(&mut client).await;
        let exchange = async {
            server.read_exact(&mut vec![0; 1_000_000]).await.unwrap();
            for round in 0..100 {
                server.write_all(&[round; 1000]).await.unwrap();
                let mut heard = [0; 1000];
                client.read_exact(&mut heard).await.unwrap();
                assert_eq!(heard, [round; 1000]);
            }
        };
        beside(&mut relay, exchange).await;
        let held = relay.leased();
        assert!(0 < held && held <= 128 << 10, "{held} bytes");
    }
    assert_eq!(relay.b_to_a(), 300_000);
    drop(relay);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn it_waits_for_memory_that_others_have() {
    let pool = Pool::new(1 << 20).unwrap();
    let ((mut client, inbound), (mut server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    let all = pool.try_lease(1 << 20).unwrap();
    client.write_all(b"hello").await.unwrap();
    let starved = timeout(REST, beside(&mut relay, server.read_u8())).await;
    assert!(starved.is_err(), "there is no memory");
    drop(all);
    let heard = async {
        let mut heard = [0; 5];
        server.read_exact(&mut heard).await.unwrap();
        heard
    };
    assert_eq!(beside(&mut relay, heard).await, *b"hello");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_wait_for_memory_has_an_end() {
    let pool = Pool::builder().budget(1 << 20).max_wait(REST).build().unwrap();
    let ((mut client, inbound), (_server, outbound)) = (tcp_pair().await, tcp_pair().await);
    let all = pool.try_lease(1 << 20).unwrap();
    client.write_all(b"hello").await.unwrap();
    let error = timeout(SOON, Relay::new(inbound, outbound, &pool).linger_timeout(REST))
        .await
        .unwrap()
        .unwrap_err();
    let error = error.get_ref().and_then(|error| error.downcast_ref::<LeaseError>());
    assert!(error.is_some_and(LeaseError::is_deadline_passed), "{error:?}");
    drop(all);
    assert_eq!(pool.leased(), 0);
}

// ---- transports and cancelling ------------------------------------------------------------------

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
