//! A server that parks its connections.

use std::{convert::Infallible, future::IntoFuture, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use leasehold::http::serve::{RequestBody, from_hyper, from_incoming, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
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
    tokio::spawn(serve(listener, from_incoming(service_fn(echo_incoming))).linger(linger).into_future());
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
        let request = format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n{body}", body.len());
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
