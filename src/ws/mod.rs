//! WebSocket (RFC 6455) whose messages are chains (feature `ws`).
//!
//! A [`WebSocket`] is a stream and a sink of [`Message`]s. A payload stays in the leased blocks
//! that it was read into: it is unmasked and checked in place, and fragments are joined without a
//! copy. A message is sent out of the blocks it lies in; its header needs no block. Between
//! messages a socket holds no block. A [`Hub`] sends one message to many sockets.
//!
//! | the handshake (RFC 6455 §4, RFC 8441) | |
//! |---|---|
//! | [`upgrade`], [`Acceptor`] | of a server: [`serve`](crate::http::serve()), or stock hyper |
//! | `axum` (feature `axum`) | of a server, as an extractor: on these or on `axum::serve` |
//! | [`connect`], [`connect_on`], [`Connect`] | of a client, on TCP or any transport |
//! | [`WebSocket::new`] | your code does the handshake |
//!
//! A server takes WebSockets on HTTP/1 and on HTTP/2, with the same code; a client asks on HTTP/1.
//!
//! After a handshake on HTTP/1 the transport is the bare socket again, as an
//! [`AnyStream`](crate::io::AnyStream). Frames that came early are copied into leased blocks, and
//! hyper's memory is freed. The HTTP server no longer counts the connection. When a server of this
//! crate stops, its sockets tell their peers so (1001). With `Serve::shutdown_timeout` the server
//! waits for these sockets, and cuts them when the time is over.
//!
//! On HTTP/2 the transport is one stream of the connection, and stays with hyper. A browser that
//! has an HTTP/2 connection to the server opens its WebSockets there, if the server announces that
//! it may: [`serve`](crate::http::serve()) and `axum::serve` do. With stock hyper, call
//! `enable_connect_protocol` on its builder. Such a socket behaves as any other. Its connection
//! stays open while the socket lives, whatever the server's `idle_timeout` is.
//!
//! The [guide](crate::guide::websocket) has complete examples.
//!
//! # Examples
//! An echo on hyper, at every path:
//!
//! ```no_run
//! use std::convert::Infallible;
//! use hyper::{Request, Response, service::service_fn};
//! use leasehold::{Pool, http::{BytesBody, serve, serve::{RequestBody, from_hyper}}, ws};
//!
//! async fn answer(
//!     mut request: Request<RequestBody>,
//!     pool: Pool,
//! ) -> Result<Response<BytesBody>, Infallible> {
//!     let (response, upgrade) = match ws::upgrade(&mut request) {
//!         Ok(upgrading) => upgrading,
//!         Err(error) => return Ok(error.into_response()),
//!     };
//!     tokio::spawn(async move {
//!         let account = pool.account("echo", 1 << 20); // the most for this socket
//!         let mut socket = upgrade.accept(&account).await?;
//!         while let Some(received) = socket.recv().await {
//!             match received {
//!                 // It is sent out of the blocks that it was read into.
//!                 Ok(message) if message.is_data() => socket.send(message).await?,
//!                 Ok(_) => {}
//!                 // The client is told too. The end of the stream comes next.
//!                 Err(error) => eprintln!("{error}"),
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
//!             // The client is told of an error; the end of the stream comes next.
//!             let Ok(message) = received else { continue };
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
