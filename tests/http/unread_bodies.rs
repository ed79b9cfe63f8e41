//! Requests whose bodies no handler reads.

use std::{future::IntoFuture, time::Duration};

use axum::{Router, routing::get};
use leasehold::{Pool, http::serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::http_client::{Client, until};

/// Each of these clients was answered 404, and asks for nothing more. A connection that cannot be
/// parked is closed when memory is short.
#[tokio::test]
async fn idle_clients_whose_bodies_were_not_read_do_not_take_the_room_of_others() {
    for (body, linger) in ["", "x"].into_iter().flat_map(|body| [(body, 0), (body, 60)]) {
        let pool = Pool::new(4 << 20).expect("a pool");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().route("/", get(async || "hello"));
        let server = serve(listener, app).linger(Duration::from_secs(linger)).pool(&pool, 1 << 20);
        let connections = server.connections();
        let server = tokio::spawn(server.into_future());
        let mut idle = Vec::new();
        let asks = async {
            for _ in 0..150 {
                let mut client = Client(TcpStream::connect(address).await.expect("a connection"));
                let len = body.len();
                client
                    .send(format!(
                        "POST /none HTTP/1.1\r\nHost: here\r\nContent-Length: {len}\r\n\r\n{body}"
                    ))
                    .await;
                assert!(client.answer().await.starts_with("HTTP/1.1 404"));
                idle.push(client);
            }
        };
        let asked = timeout(Duration::from_secs(10), asks).await;
        asked.expect("all are answered in time");
        assert!(pool.leased() <= pool.limit() / 2, "{} bytes", pool.leased());
        // With memory to spare they are kept, as with stock hyper.
        let kept = connections.open();
        assert!(kept >= 50, "body {body:?}: only {kept} are kept");
        server.abort();
    }
}

/// hyper's memory for them is bounded without a pool, too.
#[tokio::test]
async fn no_more_of_them_stay_than_may_linger() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = serve(listener, Router::new()).max_warm(10 * (18 << 10));
    let connections = server.connections();
    tokio::spawn(server.into_future());
    let mut idle = Vec::new();
    for _ in 0..50 {
        let mut client = Client(TcpStream::connect(address).await.expect("a connection"));
        client.send("POST /none HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx").await;
        assert!(client.answer().await.starts_with("HTTP/1.1 404"));
        idle.push(client);
    }
    until(|| connections.awake() <= 11).await;
    assert!(connections.awake() >= 9, "{}", connections.awake());
    // One that stays is served on.
    let mut answers = 0;
    for client in &mut idle {
        let request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
        let mut answer = [0; 12];
        let is_sent = client.0.write_all(request).await.is_ok();
        if is_sent && client.0.read_exact(&mut answer).await.is_ok() {
            answers += usize::from(&answer == b"HTTP/1.1 404");
        }
    }
    assert!(answers >= 9, "{answers}");
}
