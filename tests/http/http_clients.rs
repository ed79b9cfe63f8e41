//! Chains as bodies of requests, through hyper-util's client: they arrive whole, whatever becomes of
//! the connection, and their blocks come home.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::{BufMut, Bytes};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use leasehold::{Pool, http::ChainBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    select,
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::support::{bodies::pattern, http_client::until};

/// More than the sockets of loopback hold.
const LARGE: usize = 12 << 20;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

fn pool() -> Pool {
    Pool::new(64 << 20).expect("a budget of 64 MiB holds the default classes")
}

/// The pattern, in leased blocks.
fn body(pool: &Pool, len: usize) -> ChainBody {
    let mut chain = pool.try_chain(len).expect("a large pool");
    chain.put_slice(&pattern(len));
    ChainBody::new(chain.freeze())
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    (listener, format!("http://{address}/"))
}

fn client(is_http2: bool) -> Client<HttpConnector, ChainBody> {
    Client::builder(TokioExecutor::new()).http2_only(is_http2).build_http()
}

fn put(uri: &str, body: ChainBody) -> Request<ChainBody> {
    Request::put(uri).body(body).expect("a valid request")
}

/// Answers with the announced length, and with whether the pattern arrived.
async fn judge(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let announced = request.headers().get("content-length").cloned();
    let bytes = request.into_body().collect().await.expect("a whole body").to_bytes();
    assert!(bytes == pattern(bytes.len()), "the bytes arrive in order");
    let text = format!("{} of {:?}", bytes.len(), announced);
    Ok(Response::new(Full::from(text)))
}

#[tokio::test]
async fn a_chain_arrives_whole_with_its_length() {
    let pool = pool();
    for is_http2 in [false, true] {
        let (listener, uri) = listen().await;
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a client");
                let io = TokioIo::new(socket);
                if is_http2 {
                    let server = http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(server.serve_connection(io, service_fn(judge)));
                } else {
                    let server = http1::Builder::new();
                    tokio::spawn(server.serve_connection(io, service_fn(judge)));
                }
            }
        });
        let client = client(is_http2);
        for len in [1, 5_000, 1 << 20, LARGE] {
            let request = put(&uri, body(&pool, len));
            let response = client.request(request).await.expect("an answer");
            let text = response.into_body().collect().await.expect("a text").to_bytes();
            let wanted = format!("{len} of Some(\"{len}\")");
            assert_eq!(text, wanted, "HTTP/2: {is_http2}");
            until(|| pool.leased() == 0).await;
        }
    }
}

/// Reads a request with a body of so many bytes; whether it came whole.
async fn read_request(socket: &mut TcpStream, len: usize) -> bool {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.expect("the client is there") == 0 {
            return false;
        }
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head
            && bytes.len() == head + len
        {
            return bytes[head..] == pattern(len);
        }
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Gives the tasks of a client to `Tasks`.
#[derive(Clone)]
struct Aside(mpsc::UnboundedSender<Task>);

impl Executor<Task> for Aside {
    fn execute(&self, task: Task) {
        let _ = self.0.send(task); // the test is over if it cannot be sent
    }
}

/// The tasks of a client, which run where the test says so.
struct Tasks {
    new: mpsc::UnboundedReceiver<Task>,
    running: FuturesUnordered<Task>,
}

impl Tasks {
    async fn beside<W: Future>(&mut self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            select! {
                biased;
                Some(task) = self.new.recv() => self.running.push(task),
                Some(()) = self.running.next() => {}
                output = &mut work => return output,
            }
        }
    }
}

/// The client needs no `Clone`: a request that was not sent comes back whole, and is sent again.
#[tokio::test]
async fn a_chain_is_sent_again_where_a_kept_connection_turns_out_to_be_closed() {
    let pool = pool();
    let (listener, uri) = listen().await;
    let (sender, new) = mpsc::unbounded_channel();
    let mut tasks = Tasks { new, running: FuturesUnordered::new() };
    let client = Client::builder(Aside(sender)).build_http();
    let answer = async |len| {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        assert!(read_request(&mut socket, len).await, "it arrives whole");
        socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("the client reads");
        socket
    };
    let first = client.request(put(&uri, body(&pool, 10)));
    let exchange = async { tokio::join!(first, answer(10)) };
    let (response, socket) = tasks.beside(timeout(PATIENCE, exchange)).await.expect("in time");
    response.expect("an answer");
    tasks.beside(sleep(Duration::from_millis(50))).await; // the connection is kept

    // It closes, and the client gives it a request before its task has noticed.
    drop(socket);
    sleep(Duration::from_millis(50)).await;
    let mut second = pin!(client.request(put(&uri, body(&pool, 300_000))));
    assert!(poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await.is_pending());
    let exchange = async { tokio::join!(second, answer(300_000)) };
    let (response, _socket) = tasks.beside(timeout(PATIENCE, exchange)).await.expect("in time");
    response.expect("an answer, on a second connection");
    tasks.beside(until(|| pool.leased() == 0)).await;
}

#[tokio::test]
async fn an_upstream_that_ends_in_mid_body_is_an_error_and_all_comes_home() {
    let pool = pool();
    let (listener, uri) = listen().await;
    let client = client(false);
    let request = tokio::spawn(client.request(put(&uri, body(&pool, LARGE))));
    let (mut socket, _) = listener.accept().await.expect("a connection");
    socket.read_exact(&mut [0; 100_000]).await.expect("the client sends");
    assert!(pool.leased() > 0, "the rest is still to be sent");
    drop(socket);
    let answer = timeout(PATIENCE, request).await.expect("in time").expect("no panic");
    answer.expect_err("no answer came");
    until(|| pool.leased() == 0).await;
}

#[tokio::test]
async fn an_early_answer_is_delivered_and_all_comes_home_when_the_upstream_closes() {
    let pool = pool();
    let (listener, uri) = listen().await;
    let client = client(false);
    let request = tokio::spawn(client.request(put(&uri, body(&pool, LARGE))));
    let (mut socket, _) = listener.accept().await.expect("a connection");
    socket.read_exact(&mut [0; 1_000]).await.expect("the client sends");
    let early = b"HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    socket.write_all(early).await.expect("the client reads");
    let answer = timeout(PATIENCE, request).await.expect("in time").expect("no panic");
    assert_eq!(answer.expect("an answer").status(), StatusCode::PAYLOAD_TOO_LARGE);
    drop(socket);
    until(|| pool.leased() == 0).await;
}

/// What is sent is home before the rest is: a slow upstream holds what it has not taken.
#[tokio::test]
async fn blocks_come_home_as_the_upstream_reads() {
    let pool = pool();
    let (listener, uri) = listen().await;
    let client = client(false);
    let body = body(&pool, LARGE);
    let whole = pool.leased();
    let request = tokio::spawn(client.request(put(&uri, body)));
    let (mut socket, _) = listener.accept().await.expect("a connection");
    let mut half = vec![0; LARGE / 2];
    socket.read_exact(&mut half).await.expect("the client sends");
    assert!(pool.leased() <= whole / 2 + (1 << 20));
    drop((socket, request));
    until(|| pool.leased() == 0).await;
}
