//! `Interrupted`, on transports that are no sockets: a read or a write is made again, in every room
//! that reads or writes one. A transport that is interrupted for ever stops no other task.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use leasehold::{
    Chain, ChainMut, Pool,
    codec::{self, compat},
    http::{
        ReaderBody,
        serve::{RequestBody, Server},
    },
    io::{BufStream, ChainReader, Outbox, Relay, poll_write_buf, write_all_buf},
    ws::{self, Message, Role, WebSocket},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};

use crate::support::{
    frame::{Frame, wire},
    transport::{End, Faulty, pattern},
};

/// As often as a signal may come twice, and more often than one poll makes a call.
const OFTEN: [usize; 2] = [2, 100];

const LEN: usize = 20_000;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// Transports that give `content` out, of each kind, interrupted before each call.
fn interrupted(content: &[u8]) -> impl Iterator<Item = Faulty> {
    OFTEN.into_iter().flat_map(move |times| {
        let io = || Faulty::new(content).cut(3_000).interrupted(times);
        [io(), io().vectored()]
    })
}

fn chain() -> Chain {
    pattern(LEN).chunks(700).map(Bytes::copy_from_slice).collect()
}

#[tokio::test]
async fn a_reader_reads_on() {
    let pool = pool();
    for mut io in interrupted(&pattern(LEN)) {
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        while reader.read(&mut io, &mut chain).await.expect("it is no error") > 0 {}
        assert_eq!(chain.freeze(), *pattern(LEN));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn chains_and_single_pieces_are_written() {
    for mut io in interrupted(b"") {
        write_all_buf(&mut io, &mut chain()).await.expect("it is no error");
        write_all_buf(&mut io, &mut &b"one piece"[..]).await.expect("it is no error");
        let mut two: Chain = ["two ", "pieces"].into_iter().collect();
        while !two.is_empty() {
            let write = std::future::poll_fn(|cx| {
                poll_write_buf(std::pin::Pin::new(&mut io), cx, &mut two)
            });
            assert!(write.await.expect("it is no error") > 0);
        }
        assert_eq!(io.sent(), [&pattern(LEN)[..], b"one piecetwo pieces"].concat());
    }
}

#[tokio::test]
async fn a_buffered_stream_reads_and_writes_on_through_its_buffers_and_past_them() {
    let pool = pool();
    for io in interrupted(&pattern(LEN)) {
        let mut stream = BufStream::new(io, &pool);
        let mut read = vec![0; LEN];
        read[0] = stream.read_u8().await.expect("it is no error");
        let mut at = 1;
        // Not `read_exact`, which makes the call again itself.
        while at < LEN {
            at += stream.read(&mut read[at..]).await.expect("it is no error");
        }
        assert_eq!(read, pattern(LEN));
        let mut large = vec![0; LEN];
        assert_eq!(stream.read(&mut large).await.expect("it is no error"), 0);
        assert_eq!(stream.write(b"few").await.expect("it is collected"), 3);
        assert_eq!(stream.write(&large).await.expect("it is no error"), 3_000);
        let slices = [io::IoSlice::new(&large)];
        assert_eq!(stream.write_vectored(&slices).await.expect("it is no error"), 3_000);
        stream.write_all(b"few").await.expect("it is collected");
        stream.flush().await.expect("it is no error");
        assert_eq!(stream.get_ref().sent(), [b"few", &large[..6_000], b"few"].concat());
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_relay_copies_on() {
    let pool = pool();
    for mut near in interrupted(&pattern(LEN)) {
        let mut far = Faulty::new(b"answer".to_vec()).interrupted(2);
        let ends = Relay::new(&mut near, &mut far, &pool).await.expect("it is no error");
        assert_eq!(ends, (LEN as u64, 6));
        assert_eq!((near.sent(), near.end()), (&b"answer"[..], End::Shutdown));
        assert!(far.sent() == pattern(LEN) && far.end() == End::Shutdown);
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_outbox_is_sent() {
    for mut io in interrupted(b"") {
        let (outbox, mut writer) = Outbox::channel(64 << 10);
        outbox.try_send(chain()).expect("there is room");
        outbox.close();
        writer.run(&mut io).await.expect("it is no error");
        assert!(io.sent() == pattern(LEN) && io.end() == End::Shutdown);
    }
}

#[tokio::test]
async fn frames_are_received_and_sent() {
    let pool = pool();
    let line = [&pattern(9_000)[..], b"last"].concat().escape_ascii().to_string().into_bytes();
    let wire = [&line[..], b"\n"].concat();
    for io in interrupted(&wire) {
        let mut framed = codec::Framed::new(io, codec::LinesCodec::new(), &pool);
        let received = framed.next().await.expect("a line").expect("it is no error");
        assert_eq!(received.as_bytes(), line);
        framed.send(received).await.expect("it is no error");
        assert_eq!(framed.get_ref().sent(), wire);
    }
    for io in interrupted(&pattern(LEN)) {
        let mut framed = compat::Framed::new(io, tokio_util::codec::BytesCodec::new());
        let mut received = BytesMut::new();
        while let Some(bytes) = framed.next().await {
            received.extend_from_slice(&bytes.expect("it is no error"));
        }
        framed.send(received.freeze()).await.expect("it is no error");
        assert_eq!(framed.get_ref().sent(), pattern(LEN));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_websocket_receives_sends_and_ends_in_order() {
    let pool = pool();
    let close = Frame::close_empty().masked();
    // What comes behind the close frame is read and dropped.
    let incoming = wire([Frame::binary(pattern(LEN)).masked(), close.clone(), close]);
    for io in interrupted(&incoming) {
        let mut socket = WebSocket::new(io, Role::Server, &pool);
        let message = socket.recv().await.expect("a message").expect("it is no error");
        assert_eq!(message.into_data().expect("it is binary"), *pattern(LEN));
        socket.send(Message::Binary(chain())).await.expect("it is no error");
        let end = socket.recv().await.expect("an end").expect("it is no error");
        assert!(matches!(end, Message::Close(None)), "{end:?}");
        assert!(socket.recv().await.is_none());
        let io = socket.get_ref();
        assert_eq!((io.unread(), io.end()), (&b""[..], End::Shutdown));
        assert_eq!(io.sent(), wire([Frame::binary(pattern(LEN)), Frame::close_empty()]));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_handshake_comes_to_its_end() {
    let pool = pool();
    for io in interrupted(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone") {
        let request = Request::get("ws://example.com/").body(()).expect("a request");
        let error = ws::connect_on(io, request, &pool).await.expect_err("it is refused");
        assert_eq!(error.response().expect("an answer").body(), "none");
    }
}

#[tokio::test]
async fn a_body_reads_on() {
    let pool = pool();
    for io in interrupted(&pattern(LEN)) {
        let body = ReaderBody::new(io, &pool).into_bytes_body();
        let bytes = body.collect().await.expect("it is no error").to_bytes();
        assert_eq!(bytes, pattern(LEN));
    }
    assert_eq!(pool.leased(), 0);
}

/// A transport that is looked at when a server is done with it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Faulty>>);

impl Shared {
    fn poll<R>(&self, poll: impl FnOnce(Pin<&mut Faulty>) -> R) -> R {
        poll(Pin::new(&mut self.0.lock().expect("no panic")))
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(|io| io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(|io| io.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|io| io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|io| io.poll_shutdown(cx))
    }
}

/// A request and an upload are read, answered, and the broken head behind them is refused.
#[tokio::test]
async fn a_connection_is_served() {
    let requests = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n\
        POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 5\r\n\r\nhello\0\r\n\r\n";
    let server = Server::builder().build();
    let service = tower::service_fn(async |request: Request<RequestBody>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(http::Response::new(Full::<Bytes>::from(body)))
    });
    for io in interrupted(requests) {
        let io = Shared(Arc::new(Mutex::new(io)));
        let served = server.serve_connection(io.clone(), service).await;
        assert!(served.expect_err("a broken head").is::<hyper::Error>());
        let sent = io.poll(|io| String::from_utf8_lossy(io.sent()).into_owned());
        assert_eq!(sent.matches("HTTP/1.1 200 OK").count(), 2, "{sent}");
        assert!(sent.contains("hello") && sent.contains("HTTP/1.1 400"), "{sent}");
    }
}

/// The task of such a transport can be stopped, and others run.
async fn can_be_stopped<F: Future>(what: &str, endless: F) {
    let stopped = timeout(Duration::from_millis(5), endless).await;
    assert!(stopped.is_err(), "{what}: it never succeeds");
}

#[tokio::test]
async fn what_is_interrupted_for_ever_lets_others_run() {
    let pool = pool();
    let endless = || Faulty::new(pattern(LEN)).interrupted(usize::MAX);
    let mut chain_read = ChainMut::new(&pool);
    let mut reader = ChainReader::new();
    can_be_stopped("a reader", reader.read(&mut endless(), &mut chain_read)).await;
    assert_eq!(pool.leased(), 0);
    can_be_stopped("a write", write_all_buf(&mut endless(), &mut chain())).await;
    let mut stream = BufStream::new(endless(), &pool);
    can_be_stopped("a large read", stream.read(&mut vec![0; LEN])).await;
    can_be_stopped("a large write", stream.write(&pattern(LEN))).await;
    let relay = Relay::new(endless(), Faulty::new([]).staying_open(), &pool);
    can_be_stopped("a relay", relay).await;
    let request = Request::get("ws://example.com/").body(()).expect("a request");
    can_be_stopped("a handshake", ws::connect_on(endless(), request, &pool)).await;
    let mut socket = WebSocket::new(endless(), Role::Server, &pool);
    can_be_stopped("a socket", socket.recv()).await;
    drop((stream, socket));
    assert_eq!(pool.leased(), 0);
}
