//! WebSockets out of axum's handlers (feature `axum`).
//!
//! [`WebSocketUpgrade`] is an extractor like axum's own, with the same methods. It yields a
//! [`WebSocket`](super::WebSocket) whose messages are chains.
//!
//! ```
//! use std::sync::Arc;
//! use axum::{Router, response::Response, routing::any};
//! use leasehold::{Pool, ws::{Config, axum::WebSocketUpgrade}};
//!
//! async fn chat(upgrade: WebSocketUpgrade) -> Response {
//!     let config = Config::new().max_message_size(64 << 10).max_leased(256 << 10);
//!     upgrade.protocols(["chat"]).config(Arc::new(config)).on_upgrade(|mut socket| async move {
//!         let _ = socket.send("hello").await;
//!     })
//! }
//!
//! # fn main() -> Result<(), leasehold::BuildError> {
//! let pool = Pool::new(64 << 20)?;
//! let app: Router = Router::new().route("/chat", any(chat)).with_state(pool);
//! # Ok(())
//! # }
//! ```

mod upgrade_rejection;
mod web_socket_upgrade;

pub use self::web_socket_upgrade::WebSocketUpgrade;
