//! The suite as the client of our server.

use std::{future::IntoFuture, sync::Arc, time::Duration};

use axum::{Router, response::Response, routing::any};
use leasehold::{
    Pool,
    http::serve,
    ws::{Config, Deflate, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    echo::echo,
    suite::{CASES, LONGEST, Reports, command},
    verdicts::assert_expected,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_passes_the_suite() {
    let Some(mut suite) = command() else { return };
    let pool = Pool::new(256 << 20).expect("a budget");
    let deflate = Deflate::new(&pool).expect("room for compressors");
    let reserved = pool.leased();
    let config = Arc::new(Config::new().max_leased(64 << 20).deflate(&deflate));
    let answer = async move |upgrade: WebSocketUpgrade| -> Response {
        upgrade.config(config).on_upgrade(async |socket| drop(echo(socket).await))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/", any(answer)).with_state(pool.clone());
    let server = tokio::spawn(serve(listener, app).pool(&pool, 1 << 20).into_future());

    let reports = Reports::new("server");
    suite.args(["-m", "fuzzingclient", "-o"]).arg(reports.path()).arg(address.to_string());
    let mut suite =
        tokio::process::Command::from(suite).kill_on_drop(true).spawn().expect("the suite starts");
    timeout(LONGEST, suite.wait()).await.expect("the suite ends").expect("the suite runs");
    server.abort();
    assert_expected(reports.path(), CASES);
    timeout(Duration::from_secs(10), async {
        while pool.leased() > reserved {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("all comes home");
}
