//! The log on stderr: warnings, and more with `RUST_LOG`.

use std::{env, io, time::Instant};

use axum::{body::HttpBody, extract::Request, middleware::Next, response::Response};
use tracing::{Level, info, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

/// Starts the log. `RUST_LOG=info` prints each request, and `RUST_LOG=leasehold=trace` what the
/// pool does.
pub fn start() {
    let asked = env::var("RUST_LOG").unwrap_or_default();
    let filter = match asked.parse::<Targets>() {
        Ok(filter) if !asked.is_empty() => filter,
        parsed => {
            if let Err(error) = parsed {
                eprintln!("serve: RUST_LOG={asked} is not understood: {error}; try RUST_LOG=info");
            }
            Targets::new().with_default(LevelFilter::WARN)
        }
    };
    registry()
        .with(fmt::layer().with_writer(io::stderr).with_ansi(false).with_filter(filter))
        .init();
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
    // Quoted: a path may have characters that move the cursor of a terminal.
    info!(%method, ?path, status, bytes, %ms, "answered");
    response
}
