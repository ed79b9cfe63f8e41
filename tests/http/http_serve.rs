//! A server that parks its connections.

use std::{
    convert::Infallible,
    future::IntoFuture,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use leasehold::http::serve::{RequestBody, from_hyper, from_incoming, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

async fn echo(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

/// As one that was written for stock hyper.
async fn echo_incoming(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

async fn start(linger: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, from_hyper(service_fn(echo))).linger(linger).into_future());
    address
}

async fn start_incoming(linger: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        serve(listener, from_incoming(service_fn(echo_incoming))).linger(linger).into_future(),
    );
    address
}

#[tokio::test]
async fn a_connection_serves_requests_before_and_after_it_was_parked() {
    for linger in [Duration::ZERO, Duration::from_millis(300)] {
        ask_thrice(start(linger).await).await;
        ask_thrice(start_incoming(linger).await).await;
    }
}

async fn ask_thrice(address: SocketAddr) {
    let mut client = TcpStream::connect(address).await.unwrap();
    for body in ["", "hello", "and again"] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let mut len = 0;
        while !(String::from_utf8_lossy(&answer[..len]).contains("\r\n\r\n")
            && answer[..len].ends_with(body.as_bytes()))
        {
            let count = client.read(&mut answer[len..]).await.unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer[..len]));
            len += count;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test]
async fn a_body_that_is_read_after_the_answer_is_whole() {
    for linger in [Duration::ZERO, Duration::from_millis(300)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mut heard) = mpsc::unbounded_channel();
        let service = service_fn(move |request: Request<RequestBody>| {
            let sender = sender.clone();
            tokio::spawn(async move {
                sender.send(request.into_body().collect().await.map(|body| body.to_bytes()))
            });
            async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("soon"))) }
        });
        tokio::spawn(serve(listener, from_hyper(service)).linger(linger).into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        for (framing, body) in [
            ("Content-Length: 5", "hello"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
        ] {
            client
                .write_all(format!("POST / HTTP/1.1\r\nHost: here\r\n{framing}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let mut answer = vec![0; 4096];
            assert!(client.read(&mut answer).await.unwrap() > 0);
            client.write_all(body.as_bytes()).await.unwrap();
            let body = tokio::time::timeout(Duration::from_secs(3), heard.recv())
                .await
                .expect("an end in time");
            assert_eq!(body.unwrap().expect("a whole body"), "hello");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_kernel_takes_of_a_response_can_be_limited() {
    let mut taken = Vec::new();
    for max_unsent in [None, Some(16 << 10)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let written = Arc::new(AtomicUsize::new(0));
        let body = Endless(Arc::clone(&written));
        let service = service_fn(move |_: Request<RequestBody>| {
            let body = body.clone();
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let mut server = serve(listener, from_hyper(service));
        if let Some(bytes) = max_unsent {
            server = server.max_unsent(bytes);
        }
        tokio::spawn(server.into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await; // the client reads nothing
        taken.push(written.load(Relaxed));
    }
    assert!(taken[1] < taken[0], "{taken:?}");
}

/// Counts how many bytes of it were asked for.
#[derive(Clone)]
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: &[u8] = &[b'x'; 16 << 10];
        self.0.fetch_add(PIECE.len(), Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}
