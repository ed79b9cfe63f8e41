//! A service with a budget and a server with a pool, on one pool: each upload is answered.

use std::{future::IntoFuture, time::Duration};

use axum::{Router, body::Body, routing::any};
use http_body_util::BodyExt;
use leasehold::{Pool, http::serve::serve, layer::BudgetLayer};
use tokio::{net::TcpListener, time::sleep};
use tower::Layer;

use crate::http_full::client::{Client, until};

const CLIENTS: usize = 24;
const UPLOADS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_upload_to_a_service_with_a_budget_is_answered() {
    let pool = Pool::new(1 << 20).expect("a pool");
    let app = Router::new().fallback(any(async |request: axum::extract::Request| {
        let body: Body = request.into_body();
        let body = body.collect().await.map(|body| body.to_bytes().len());
        sleep(Duration::from_millis(20)).await;
        format!("heard {:?}", body.ok())
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server = serve(listener, BudgetLayer::new(&pool).layer(app))
        .pool(&pool, 100_000)
        .linger(Duration::ZERO);
    let connections = server.connections();
    let server = server.into_future();
    let server = tokio::spawn(async move { _ = server.await });
    let request = format!(
        "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 40000\r\n\r\n{}",
        "x".repeat(40_000)
    );
    let mut tasks = Vec::new();
    for _ in 0..CLIENTS {
        let request = request.clone();
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..UPLOADS {
                let mut client = Client::connect(address);
                client.send_all(&request).await;
                answers.push(client.answer().await);
            }
            answers
        }));
    }
    let (mut heard, mut refused, mut other) = (0, 0, Vec::new());
    for task in tasks {
        for answer in task.await.expect("no panic") {
            match answer {
                answer if answer.starts_with("HTTP/1.1 200 ") => heard += 1,
                answer if answer.starts_with("HTTP/1.1 503 ") => refused += 1,
                answer => other.push(answer),
            }
        }
    }
    println!("{heard} heard, {refused} refused, {} reset", other.len());
    assert_eq!(other.len(), 0, "{other:?}");
    assert_eq!(heard + refused, CLIENTS * UPLOADS);
    until(|| connections.open() == 0).await;
    assert_eq!(pool.leased(), 0);
    server.abort();
}
