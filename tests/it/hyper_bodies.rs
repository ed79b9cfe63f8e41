//! Bodies through real hyper: what arrives is what was sent, whatever the pieces, and blocks come
//! home as it is sent.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use leasehold::{
    Chain, Pool,
    http::{BytesBody, ChainBody, ReaderBody},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf};

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a budget of 8 MiB holds the default classes")
}

/// Bytes that tell where they belong.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// The pattern in `count` pieces of `piece` bytes, blocks and foreign bytes in turn.
fn chain_of(pool: &Pool, count: usize, piece: usize) -> Chain {
    let bytes = pattern(count * piece);
    bytes
        .chunks(piece.max(1))
        .enumerate()
        .map(|(at, bytes)| {
            if at % 5 == 4 {
                return Chain::from(Bytes::copy_from_slice(bytes));
            }
            let mut block = pool.try_lease(bytes.len()).expect("a large pool");
            block.put_slice(bytes);
            Chain::from(block)
        })
        .fold(Chain::new(), |mut all, piece| {
            all.append(piece);
            all
        })
}

/// Serves one request with `body` over an in-memory pipe, with and without vectored writes; returns
/// the response's bytes.
async fn serve<B>(body: B, vectored: bool) -> (bool, Vec<u8>)
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (client, server) = tokio::io::duplex(64 << 10);
    let body = Mutex::new(Some(body));
    let service = service_fn(move |_request: Request<Incoming>| {
        let body = body.lock().expect("no panic").take().expect("one request");
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .writev(vectored)
        .serve_connection(TokioIo::new(server), service);
    let serving = tokio::spawn(connection);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(client)).await.expect("a handshake");
    let driving = tokio::spawn(connection);
    let request = Request::new(String::new());
    let response = sender.send_request(request).await.expect("a response");
    let has_length = response.headers().contains_key("content-length");
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    drop(sender);
    driving.await.expect("no panic").expect("a clean end");
    serving.await.expect("no panic").expect("a clean end");
    (has_length, bytes.to_vec())
}

#[tokio::test]
async fn one_frame_of_any_number_of_pieces_arrives_in_order() {
    let pool = pool();
    for vectored in [true, false] {
        for count in [0, 1, 2, 15, 16, 17, 33, 63, 64, 65, 130, 300] {
            for piece in [1, 100, 4096] {
                let chain = chain_of(&pool, count, piece);
                let (has_length, bytes) = serve(ChainBody::new(chain), vectored).await;
                assert!(has_length, "hyper knows the length");
                assert!(
                    bytes == pattern(count * piece),
                    "{count} pieces of {piece} bytes, vectored: {vectored}"
                );
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn several_queued_frames_of_many_pieces_arrive_in_order() {
    let pool = pool();
    for vectored in [true, false] {
        for (frames, count) in [(2, 17), (2, 64), (3, 20), (5, 70), (20, 5), (40, 3)] {
            let all = chain_of(&pool, frames * count, 300);
            let mut rest = all.clone();
            let chains: Vec<Chain> = (0..frames).map(|_| rest.split_to(count * 300)).collect();
            let frames = tokio_stream_of(
                chains.into_iter().map(|chain| Ok::<_, Infallible>(Frame::data(chain))).collect(),
            );
            let (has_length, bytes) = serve(StreamBody::new(frames), vectored).await;
            assert!(!has_length, "a stream of frames is chunked");
            assert!(all == bytes[..], "queued frames are not scrambled");
        }
    }
    assert_eq!(pool.leased(), 0);
}

/// A stream of items that are all ready, so that hyper queues as many as it may.
fn tokio_stream_of<T: Unpin>(items: Vec<T>) -> impl futures_core::Stream<Item = T> {
    struct Items<T>(std::vec::IntoIter<T>);
    impl<T: Unpin> futures_core::Stream for Items<T> {
        type Item = T;

        fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<T>> {
            Poll::Ready(self.0.next())
        }
    }
    Items(items.into_iter())
}

/// `bytes::buf::Take` lists at most 16 pieces, and hyper sends what is queued behind it too early
/// (hyperium/hyper#4132): it is safe where nothing follows, or within 16 pieces. Our own `take` is
/// safe everywhere.
#[tokio::test]
async fn a_generic_take_arrives_in_order_where_nothing_follows_and_our_own_everywhere() {
    let pool = pool();
    let all = chain_of(&pool, 40, 300);
    let whole = http_body_util::Full::new(Buf::take(all.clone(), 10_000));
    assert!(
        all.slice(..10_000) == serve(whole, true).await.1[..],
        "known length: nothing follows the frame"
    );
    let few = vec![Ok::<_, Infallible>(Frame::data(Buf::take(all.clone(), 16 * 300)))];
    let (_, bytes) = serve(StreamBody::new(tokio_stream_of(few)), true).await;
    assert!(all.slice(..16 * 300) == bytes[..], "chunked, but within 16 pieces");
    let own = vec![Ok::<_, Infallible>(Frame::data(all.clone().take(10_000)))];
    let (_, bytes) = serve(StreamBody::new(tokio_stream_of(own)), true).await;
    assert!(all.slice(..10_000) == bytes[..], "chunked, 34 pieces");
    drop(all);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn frames_of_bytes_arrive_in_order_and_come_home() {
    let pool = pool();
    for count in [0, 1, 17, 64, 100] {
        let chain = chain_of(&pool, count, 4096);
        let (has_length, bytes) = serve(BytesBody::new(chain), true).await;
        assert!(has_length);
        assert!(bytes == pattern(count * 4096));
        assert_eq!(pool.leased(), 0);
    }
}

/// A server whose client has read the head and nothing else.
async fn stalled<B>(body: B) -> DuplexStream
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut client, server) = tokio::io::duplex(4096);
    let body = Mutex::new(Some(body));
    let service = service_fn(move |_request: Request<Incoming>| {
        let body = body.lock().expect("no panic").take().expect("one request");
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    tokio::spawn(
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service),
    );
    client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.expect("a request is sent");
    client.read_exact(&mut [0; 16]).await.expect("a head comes back");
    client
}

/// Reads what is there and lets the server go on, until nothing of the pool is leased.
async fn until_home(pool: &Pool) {
    for _ in 0..10_000 {
        if pool.leased() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} bytes are still leased", pool.leased());
}

#[tokio::test]
async fn blocks_come_home_one_by_one_as_the_client_reads() {
    let pool = pool();
    let chain = chain_of(&pool, 64, 4096);
    let mut before = pool.leased();
    let mut client = stalled(ChainBody::new(chain)).await;
    let mut falls = 0;
    let mut bytes = vec![0; 4096];
    while pool.leased() > 0 {
        client.read_exact(&mut bytes).await.expect("more of the body");
        tokio::task::yield_now().await;
        let now = pool.leased();
        falls += usize::from(now < before);
        before = now;
    }
    assert!(falls > 40, "51 leased blocks came home in {falls} steps");
    drop(client);
    until_home(&pool).await;
}

#[tokio::test]
async fn a_client_that_goes_away_sends_all_blocks_home() {
    let pool = pool();
    let client = stalled(ChainBody::new(chain_of(&pool, 64, 4096))).await;
    assert!(pool.leased() > 0);
    drop(client);
    until_home(&pool).await;
}

/// A reader that hands out the pattern in steps, and is not ready before each.
struct Stuttering {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
    was_pending: bool,
    watched: Option<(Pool, Arc<Mutex<usize>>)>,
}

impl Stuttering {
    fn new(len: usize, step: usize) -> Self {
        Self { bytes: pattern(len), at: 0, step, was_pending: false, watched: None }
    }
}

impl AsyncRead for Stuttering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.was_pending, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.was_pending = false;
        let end = self.bytes.len().min(self.at + self.step.min(buf.remaining()));
        buf.put_slice(&self.bytes[self.at..end]);
        self.at = end;
        if let Some((pool, most)) = &self.watched {
            let mut most = most.lock().expect("no panic");
            *most = (*most).max(pool.leased());
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_reader_of_known_length_is_sent_with_that_length() {
    let pool = pool();
    for len in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
        let body = ReaderBody::sized(tokio::io::empty(), len as u64, &pool);
        assert_eq!(body.size_hint().exact(), Some(len as u64));
        drop(body);
        let body = ReaderBody::sized(Stuttering::new(len, 10_000), len as u64, &pool);
        let (has_length, bytes) = serve(body, true).await;
        assert!(has_length);
        assert!(bytes == pattern(len), "{len} bytes");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_reader_of_unknown_length_is_sent_in_chunks() {
    let pool = pool();
    for len in [0, 1, 65_536, 300_000] {
        let (has_length, bytes) =
            serve(ReaderBody::new(Stuttering::new(len, 7_000), &pool), true).await;
        assert!(!has_length);
        assert!(bytes == pattern(len), "{len} bytes");
    }
    let as_bytes = ReaderBody::new(Stuttering::new(300_000, 7_000), &pool).into_bytes_body();
    assert!(serve(as_bytes, true).await.1 == pattern(300_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_sized_body_reads_no_more_than_its_length() {
    let pool = pool();
    let (_, bytes) =
        serve(ReaderBody::sized(Stuttering::new(200_000, 70_000), 100_000, &pool), true).await;
    assert!(bytes == pattern(100_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_reader_that_ends_early_fails_the_body() {
    let pool = pool();
    let mut body = ReaderBody::sized(Stuttering::new(100_000, 70_000), 100_001, &pool);
    let mut bytes = 0;
    let error = loop {
        match body.frame().await.expect("an error comes before the end") {
            Ok(frame) => bytes += frame.into_data().expect("data").remaining(),
            Err(error) => break error,
        }
    };
    assert!(error.is_ended_early(), "{error}");
    assert!(bytes <= 100_000);
    drop(body);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_stalled_client_holds_no_more_blocks_than_the_body_may_be_ahead() {
    let pool = pool();
    let most = Arc::new(Mutex::new(0));
    let mut reader = Stuttering::new(4 << 20, 64 << 10);
    reader.watched = Some((pool.clone(), Arc::clone(&most)));
    let client = stalled(ReaderBody::new(reader, &pool).ahead(3)).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pool.leased(), 3 * (64 << 10));
    assert_eq!(*most.lock().expect("no panic"), 3 * (64 << 10));
    drop(client);
    until_home(&pool).await;
}

#[tokio::test]
async fn a_reader_that_is_not_ready_holds_no_block() {
    let pool = pool();
    let (writer, reader) = tokio::io::duplex(1024);
    let mut body = ReaderBody::new(reader, &pool);
    let mut frame = tokio_test::task::spawn(body.frame());
    assert!(frame.poll().is_pending());
    assert_eq!(pool.leased(), 0);
    drop(frame);
    drop(writer);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_body_waits_for_memory_and_goes_on() {
    let pool = Pool::builder().budget(1 << 20).classes([64 << 10]).build().expect("16 blocks");
    let held: Vec<_> = (0..16).map(|_| pool.try_lease(1).expect("16 blocks")).collect();
    let serving =
        tokio::spawn(serve(ReaderBody::new(Stuttering::new(500_000, 64 << 10), &pool), true));
    while pool.stats().waiting == 0 {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert!(serving.await.expect("no panic").1 == pattern(500_000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_fails_when_no_memory_comes_in_time() {
    let pool = Pool::builder().budget(64 << 10).classes([64 << 10]).build().expect("one block");
    let held = pool.try_lease(1).expect("one block");
    let mut body = ReaderBody::new(Stuttering::new(10, 10), &pool);
    let error = body.frame().await.expect("not the end").expect_err("no memory");
    assert!(error.is_lease(), "{error}");
    assert!(body.is_end_stream());
    drop((body, held));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_no_lack_of_memory() {
    let pool = pool();
    let mut body = ReaderBody::new(Stuttering::new(200_000, 64 << 10), &pool).ahead(1);
    let first = body.frame().await.expect("a frame").expect("the reader does not fail");
    let mut next = tokio_test::task::spawn(body.frame());
    assert!(next.poll().is_pending());
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert!(next.poll().is_pending(), "the client has not read on yet");
    assert!(!pool.pressure().is_high() && pool.stats().refused == 0, "and nobody lacks memory");
    drop(first);
    assert!(next.is_woken());
    drop(next);
    let second = body.frame().await.expect("a frame").expect("the reader does not fail");
    drop((second, body));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_body_that_trickles_does_not_pin_large_blocks() {
    let pool = pool();
    let mut body = ReaderBody::new(Stuttering::new(50, 10), &pool);
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.expect("the reader does not fail").into_data().expect("data"));
    }
    assert_eq!(frames.len(), 5);
    assert_eq!(pool.leased(), 5 << 10, "ten bytes are copied into a block of 1 KiB");
    drop((frames, body));
    assert_eq!(pool.leased(), 0);
}
