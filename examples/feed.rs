//! A broadcast to WebSockets. A message is in memory once, however many clients listen, and a
//! client that does not read slows no other one down.
//!
//! ```text
//! cargo run --example feed
//! npx wscat --connect ws://127.0.0.1:7003/feed    # all listeners get what it sends
//! curl http://127.0.0.1:7003/                     # how many listen, and how much is leased
//! ```

use std::time::Duration;

use anyhow::Context;
use axum::{
    Router,
    response::Response,
    routing::{any, get},
};
use leasehold::{
    Pool,
    http::serve,
    ws::{Hub, Message, SlowPolicy, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, time::interval};

/// The memory of all messages that are on their way to listeners.
const FEED_MAX: usize = 8 << 20;

/// How many bytes a listener may be behind before it loses its oldest messages.
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
        .route("/feed", any(async move |upgrade| join(feed, upgrade)))
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

/// Sends the number of each second to all listeners.
async fn tick(hub: Hub) {
    let mut seconds = interval(Duration::from_secs(1));
    for second in 0u64.. {
        seconds.tick().await;
        // This fails only if the feed's account has no room. Then this second is left out.
        let _ = hub.try_send(Message::from(format!("second {second}")));
    }
}

/// Sends all broadcasts to a socket, and broadcasts its messages.
fn join(hub: Hub, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let mut member = hub.join(socket); // it sends broadcasts while `recv` is polled
        while let Some(received) = member.recv().await {
            // The peer is told of an error; the end of the stream comes next.
            let Ok(message) = received else { continue };
            if message.is_data() && hub.send(message).await.is_err() {
                return; // the hub is closed
            }
        }
    })
}
