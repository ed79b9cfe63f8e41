//! Uploads of any length in constant memory: an axum handler reads a body as chains, one after the
//! other.
//!
//! ```text
//! cargo run --example upload
//! curl -T Cargo.lock http://127.0.0.1:7002/length             # counts the bytes
//! head -c 1G /dev/zero | curl -T - http://127.0.0.1:7002/length
//! curl -d hello http://127.0.0.1:7002/echo                    # takes a short body whole
//! ```

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::StatusCode,
    routing::{post, put},
};
use leasehold::{
    Chain, Pool,
    http::{LeasedBody, serve},
};
use tokio::net::TcpListener;

/// The limit of one connection's account, whatever it sends.
const CONNECTION_MAX: usize = 1 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = Pool::new(16 << 20)?;
    tokio::spawn(pool.maintain());
    let app = Router::new()
        .route("/length", put(length))
        .route("/echo", post(async |body: Chain| -> Chain { body }))
        .with_state(pool.clone());
    let address = "127.0.0.1:7002";
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on http://{address}");
    serve(listener, app).pool(&pool, CONNECTION_MAX).await?;
    Ok(())
}

/// Counts a body. A chain goes home when it is dropped, before the next one is read.
async fn length(
    State(pool): State<Pool>,
    mut body: LeasedBody<Body>,
) -> Result<String, (StatusCode, String)> {
    let mut len = 0;
    while let Some(chain) = body.next_chain().await {
        let chain = chain.map_err(|error| {
            let is_short = error.is_lease();
            let status =
                if is_short { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
            (status, format!("{error}\n"))
        })?;
        len += chain.len();
    }
    Ok(format!(
        "{len} bytes; the pool has {} leased, and had {} at most\n",
        pool.leased(),
        pool.stats().peak
    ))
}
