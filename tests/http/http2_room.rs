//! The room of the streams of HTTP/2: what it holds up, and that it holds nothing up for ever.

use std::{
    convert::Infallible,
    future::IntoFuture,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Frame},
    client::conn::http2::SendRequest,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::{
    Pool,
    http::serve::{RequestBody, from_hyper, serve},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PIECE: usize = 16 << 10;
const PIECES: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

/// A body of this number of pieces.
struct Pieces(usize);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![self.0 as u8; PIECE])))))
    }
}

/// Sends a mebibyte for a GET, and says how long the body of a POST is.
async fn answer(
    request: Request<RequestBody>,
) -> Result<Response<http_body_util::Either<Pieces, Full<Bytes>>>, hyper::Error> {
    if request.method() == Method::GET {
        return Ok(Response::new(http_body_util::Either::Left(Pieces(PIECES))));
    }
    let mut body = request.into_body();
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        len += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(Response::new(http_body_util::Either::Right(Full::from(len.to_string()))))
}

async fn start(pool: &Pool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = from_hyper(hyper::service::service_fn(answer));
    tokio::spawn(serve(listener, service).pool(pool, 1 << 20).into_future());
    address
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(address).await.expect("the server listens");
    let (requests, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_connection_window_size(16 << 20)
        .initial_stream_window_size(4 << 20)
        .handshake(TokioIo::new(socket))
        .await
        .expect("a handshake");
    tokio::spawn(connection);
    requests
}

async fn ask(
    requests: &SendRequest<Full<Bytes>>,
    method: Method,
    body: Vec<u8>,
) -> (StatusCode, Bytes) {
    let request = Request::builder().method(method).uri("http://here/");
    let request = request.body(Full::from(body)).expect("a request");
    let response = timeout(PATIENCE, requests.clone().send_request(request));
    let response = response.await.expect("in time").expect("an answer");
    let status = response.status();
    let body = timeout(PATIENCE, response.into_body().collect());
    (status, body.await.expect("in time").expect("a whole body").to_bytes())
}

/// All of them together are many times as long as what a connection may have unsent.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_downloads_on_one_connection_all_end() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let address = start(&pool).await;
    let requests = connect(address).await;
    let downloads: Vec<_> = (0..60)
        .map(|_| {
            let requests = requests.clone();
            tokio::spawn(async move { ask(&requests, Method::GET, Vec::new()).await })
        })
        .collect();
    for download in downloads {
        let (status, body) = download.await.expect("no panic");
        assert_eq!((status, body.len()), (StatusCode::OK, PIECE * PIECES));
        let is_whole = body
            .chunks(PIECE)
            .zip((0..PIECES).rev())
            .all(|(piece, number)| piece.iter().all(|&byte| byte == number as u8));
        assert!(is_whole, "the pieces are in order");
    }
}

/// The streams have a quarter of a mebibyte: each connection goes on with what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_connections_in_a_small_pool_all_get_on() {
    let pool = Pool::new(2 << 20).expect("a pool");
    let address = start(&pool).await;
    let mut downloads = Vec::new();
    for _ in 0..10 {
        let requests = connect(address).await;
        downloads.push(tokio::spawn(async move {
            for _ in 0..4 {
                let (status, body) = ask(&requests, Method::GET, Vec::new()).await;
                assert_eq!((status, body.len()), (StatusCode::OK, PIECE * PIECES));
            }
        }));
    }
    for download in downloads {
        download.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_uploads_on_one_connection_all_end() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let address = start(&pool).await;
    let requests = connect(address).await;
    let uploads: Vec<_> = (0..40)
        .map(|number| {
            let requests = requests.clone();
            let len = 200_000 + number;
            tokio::spawn(async move { (len, ask(&requests, Method::POST, vec![7; len]).await) })
        })
        .collect();
    for upload in uploads {
        let (len, answer) = upload.await.expect("no panic");
        assert_eq!(answer, (StatusCode::OK, Bytes::from(len.to_string())));
    }
}

/// Reserves all of the pool but `left` bytes.
fn all_but(pool: &Pool, left: usize) -> Vec<leasehold::Reservation> {
    let kept = pool.try_reserve(left).expect("there is room");
    let mut all = Vec::new();
    for len in [256 << 10, 16 << 10, 1 << 10, 64, 1] {
        all.extend(std::iter::from_fn(|| pool.try_reserve(len).ok()));
    }
    drop(kept);
    all
}

#[tokio::test]
async fn a_request_for_which_there_is_no_room_is_told_so() {
    let pool = Pool::new(4 << 20).expect("a pool");
    let address = start(&pool).await;
    let requests = connect(address).await;
    assert_eq!(ask(&requests, Method::POST, vec![7; 10]).await.1, "10");
    let all = all_but(&pool, 1000);
    let (status, body) = ask(&requests, Method::GET, Vec::new()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.is_empty(), "which gRPC takes for UNAVAILABLE");
    // Enough for a stream, and not for a window.
    drop(all);
    let all = all_but(&pool, 40 << 10);
    assert_eq!(ask(&requests, Method::POST, vec![7; 10]).await.0, 503);
    assert_eq!(ask(&requests, Method::GET, Vec::new()).await.1.len(), PIECE * PIECES);
    drop(all);
    assert_eq!(ask(&requests, Method::POST, vec![7; 100_000]).await.1, "100000");
}

/// What was reserved for streams is home when they are over, and when their client has gone.
#[tokio::test]
async fn the_room_of_streams_comes_home() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let address = start(&pool).await;
    let requests = connect(address).await;
    assert_eq!(ask(&requests, Method::GET, Vec::new()).await.0, 200);
    assert_eq!(ask(&requests, Method::POST, vec![7; 100_000]).await.0, 200);
    let streams = || {
        let stats = pool.stats();
        stats.accounts.iter().filter(|account| account.name == "HTTP/2 streams").count()
    };
    crate::support::http_client::until(|| streams() == 0).await;
    let before = pool.leased();
    // Ten that are never read to their end.
    let mut open = Vec::new();
    for _ in 0..10 {
        let request = Request::get("http://here/").body(Full::default()).expect("a request");
        let response = requests.clone().send_request(request).await.expect("an answer");
        open.push(response);
    }
    assert!(pool.leased() > before);
    drop((open, requests));
    crate::support::http_client::until(|| pool.leased() < before).await;
}
