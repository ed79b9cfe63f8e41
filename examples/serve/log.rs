//! What is written to stderr: warnings, and with `RUST_LOG` whatever it asks for.

use std::{io, time::Instant};

use axum::{body::HttpBody, extract::Request, middleware::Next, response::Response};
use tracing::{Level, info, level_filters::LevelFilter};
use tracing_subscriber::EnvFilter;

/// From here on events are written. `RUST_LOG=info` says each request, `RUST_LOG=leasehold=trace` what the pool does.
pub fn start() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
}

/// One line for each request, when its response begins.
pub async fn requests(request: Request, next: Next) -> Response {
    if !tracing::enabled!(Level::INFO) {
        return next.run(request).await;
    }
    let start = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let (status, bytes) = (response.status().as_u16(), response.body().size_hint().exact());
    let ms = format_args!("{:.3}", start.elapsed().as_secs_f64() * 1e3);
    // Quoted, for a path may hold what moves the cursor of a terminal.
    info!(%method, ?path, status, bytes, %ms, "answered");
    response
}
