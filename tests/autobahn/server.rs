//! The suite as client of our server.

use std::future::IntoFuture;

use axum::{Router, response::Response, routing::any};
use leasehold::{
    Pool,
    http::serve,
    ws::{Message, axum::WebSocketUpgrade},
};
use tokio::net::TcpListener;

use crate::{
    suite::{Reports, command},
    verdicts::assert_expected,
};

/// Sends what it gets.
async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_passes_the_suite() {
    let Some(mut suite) = command() else { return };
    let pool = Pool::new(256 << 20).expect("a budget");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/", any(echo)).with_state(pool.clone());
    let server = tokio::spawn(serve(listener, app).pool(&pool, 1 << 20).into_future());

    let reports = Reports::new("server");
    suite.args(["-m", "fuzzingclient", "-o"]).arg(reports.path()).arg(address.to_string());
    let status = tokio::task::spawn_blocking(move || suite.status()).await.expect("no panic").expect("the suite runs");
    println!("the suite ended with {status}");
    server.abort();
    assert_expected(reports.path());
    assert_eq!(pool.leased(), 0);
}
