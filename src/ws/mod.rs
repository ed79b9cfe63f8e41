//! WebSocket (RFC 6455) whose messages are chains (feature `ws`).
//!
//! A [`WebSocket`] is a stream and a sink of [`Message`]s. A payload stays in the leased blocks it
//! was read into: unmasked and checked in place, fragments joined without copying; what is sent
//! goes out of the blocks it lies in, behind a header that needs none. Between messages a socket
//! holds no block. A [`Hub`] sends one message to many.
//!
//! | the handshake (RFC 6455 §4) | |
//! |---|---|
//! | [`upgrade`], [`Acceptor`] | of a server, on any hyper: [`serve`](crate::http::serve()), stock hyper |
//! | `axum` (feature `axum`) | of a server, as an extractor, on any of them or on `axum::serve` |
//! | [`connect`], [`connect_on`], [`Connect`] | of a client, on TCP or any transport |
//! | [`WebSocket::new`] | done elsewhere |
//!
//! After a handshake the transport is the bare socket again, as
//! [`AnyStream`](crate::io::AnyStream), and nothing is left of HTTP but frames that came early, in
//! leased blocks. To an HTTP server the connection has ended then, and is no longer counted. When a
//! server of this crate stops, a socket that it accepted tells its peer so (1001). With
//! `Serve::shutdown_timeout` the server waits for such sockets, and cuts them when the time is
//! over.
//!
//! # Examples
//! An echo on hyper, at every path:
//!
//! ```no_run
//! use std::convert::Infallible;
//! use hyper::{Request, Response, service::service_fn};
//! use leasehold::{Pool, http::{BytesBody, serve, serve::{RequestBody, from_hyper}}, ws};
//!
//! async fn answer(mut request: Request<RequestBody>, pool: Pool) -> Result<Response<BytesBody>, Infallible> {
//!     let (response, upgrade) = match ws::upgrade(&mut request) {
//!         Ok(upgrading) => upgrading,
//!         Err(error) => return Ok(error.into_response()),
//!     };
//!     tokio::spawn(async move {
//!         let socket_pool = pool.account("echo", 1 << 20); // at most so much for this socket
//!         let mut socket = upgrade.accept(&socket_pool).await?;
//!         while let Some(received) = socket.recv().await {
//!             match received {
//!                 Ok(message) if message.is_data() => socket.send(message).await?, // out of the blocks that it was read into
//!                 Ok(_) => {}
//!                 Err(error) => eprintln!("{error}"), // the client is told, too; what is left is to wait for the end
//!             }
//!         }
//!         Ok::<_, ws::Error>(())
//!     });
//!     Ok(response)
//! }
//!
//! # async fn run() -> std::io::Result<()> {
//! let pool = Pool::new(64 << 20).unwrap();
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let service = service_fn({
//!     let pool = pool.clone();
//!     move |request| answer(request, pool.clone())
//! });
//! serve(listener, from_hyper(service)).pool(&pool, 4 << 20).await;
//! # Ok(()) }
//! ```
//!
//! The same on axum:
//!
//! ```no_run
//! use axum::{Router, response::Response, routing::any};
//! use leasehold::{Pool, http::serve, ws::axum::WebSocketUpgrade};
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|mut socket| async move {
//!         while let Some(received) = socket.recv().await {
//!             let Ok(message) = received else { continue }; // the client is told why; the end comes next
//!             if message.is_data() && socket.send(message).await.is_err() {
//!                 break;
//!             }
//!         }
//!     })
//! }
//!
//! # async fn run() -> std::io::Result<()> {
//! let pool = Pool::new(64 << 20).unwrap(); // each socket has an account in it
//! let app = Router::new().route("/echo", any(echo)).with_state(pool.clone());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! serve(listener, app).pool(&pool, 4 << 20).await; // or axum::serve
//! # Ok(()) }
//! ```

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "deflate")]
mod deflate;
mod handshake;
mod hub;
#[cfg(not(feature = "deflate"))]
mod identity;
mod millis;
mod protocol;
mod socket;

#[cfg(feature = "deflate")]
use self::deflate::PerMessage;
#[cfg(feature = "deflate")]
pub use self::deflate::{AnswerError, Deflate, DeflateAgreement, DeflateBuilder};
#[cfg(not(feature = "deflate"))]
use self::identity::PerMessage;
pub use self::{
    handshake::{
        acceptor::{Acceptor, upgrade},
        connect::{Connect, connect, connect_on},
        connect_error::ConnectError,
        upgrade::Upgrade,
        upgrade_error::UpgradeError,
    },
    hub::{Hub, HubBuilder, HubError, Member, SlowPolicy},
    protocol::{
        close::{CloseCode, CloseFrame},
        error::Error,
        message::Message,
        role::Role,
        utf8_chain::{NotUtf8Error, Utf8Chain},
    },
    socket::{WebSocket, config::Config, keep_alive::KeepAlive},
};
