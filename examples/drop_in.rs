//! An existing hyper service and an existing axum `Router`, moved onto this crate's server by
//! changing the line that serves.
//!
//! ```sh
//! cargo run --example drop_in &
//! curl -d hello http://127.0.0.1:8080/echo   # hyper
//! curl -d hello http://127.0.0.1:8081/echo   # axum
//! ```

use std::convert::Infallible;

use anyhow::Context;
use axum::{Router, body::Bytes, routing::post};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use leasehold::{
    Pool,
    http::serve::{from_incoming, serve},
};
use tokio::net::TcpListener;

/// A hyper service, unchanged. A service that is generic over the body can be served by
/// `from_hyper`; then its connections are parked after requests with a body too.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body =
        request.into_body().collect().await.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    Ok(Response::new(Full::new(body)))
}

/// An axum application.
fn app() -> Router {
    Router::new().route("/echo", post(async |body: Bytes| body))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = Pool::new(64 << 20)?;
    let hyper = listen("127.0.0.1:8080").await?;
    let axum = listen("127.0.0.1:8081").await?;

    // Before: loop { let (stream, _) = hyper.accept().await?;
    // tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo)));
    // }
    let hyper = serve(hyper, from_incoming(service_fn(echo))).pool(&pool, 4 << 20);

    // Before:
    //     axum::serve(axum, app()).await?;
    let axum = serve(axum, app()).pool(&pool, 4 << 20);

    // Both serve until Ctrl-C, and answer the requests that came before.
    let stop = || async { drop(tokio::signal::ctrl_c().await) };
    tokio::try_join!(
        hyper.with_graceful_shutdown(stop()).into_future(),
        axum.with_graceful_shutdown(stop()).into_future()
    )?;
    Ok(())
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| {
        format!(
            "cannot listen on {address}; end what listens there, or change the port in this example"
        )
    })
}
