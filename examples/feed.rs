//! A broadcast to WebSockets: one message in memory, however many listen, and nobody slowed down by
//! a client that does not read.
//!
//! ```text
//! cargo run --example feed
//! npx wscat --connect ws://127.0.0.1:7003/feed    # what it sends is told to all
//! curl http://127.0.0.1:7003/                     # who listens, and what is leased
//! ```

use std::time::Duration;

use anyhow::Context;
use axum::{Router, response::Response, routing::get};
use leasehold::{
    Pool,
    http::serve,
    ws::{Hub, Message, SlowPolicy, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, time::interval};

/// What may be on its way to all listeners together.
const FEED_MAX: usize = 8 << 20;

/// How far a listener may be behind before its oldest messages give way.
const BEHIND_MAX: usize = 64 << 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = Pool::new(64 << 20)?;
    tokio::spawn(pool.maintain());
    let hub = Hub::builder(&pool.account("feed", FEED_MAX));
    let hub = hub.max_queued(BEHIND_MAX).policy(SlowPolicy::DropOldest).build();
    tokio::spawn(tick(hub.clone()));

    let (feed, figures) = (hub.clone(), pool.clone());
    let app = Router::new()
        .route("/feed", get(async move |upgrade| join(feed, upgrade)))
        .route(
            "/",
            get(async move || format!("{} listen, {} bytes leased\n", hub.len(), figures.leased())),
        )
        .with_state(pool.clone());
    let address = "127.0.0.1:7003";
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on http://{address}");
    serve(listener, app).pool(&pool, 1 << 20).await?;
    Ok(())
}

/// A second is told to all who listen.
async fn tick(hub: Hub) {
    let mut seconds = interval(Duration::from_secs(1));
    for second in 0u64.. {
        seconds.tick().await;
        // Refused only if the feed's account has no room. Then this second is left out.
        let _ = hub.try_send(Message::from(format!("second {second}")));
    }
}

/// Sends a socket all that is broadcast, and broadcasts what it says.
fn join(hub: Hub, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let mut member = hub.join(socket); // while `recv` is polled, it is sent what is broadcast
        while let Some(received) = member.recv().await {
            let Ok(message) = received else { continue }; // the peer is told why; the end comes next
            if message.is_data() && hub.send(message).await.is_err() {
                return; // the hub is closed
            }
        }
    })
}
