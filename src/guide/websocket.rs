//! WebSockets: receive, send, broadcast, and end well.
//!
//! # Messages are chains
//! A [`WebSocket`] is a stream and a sink of [`Message`]s. The payload of a message stays in the
//! blocks it was read into, and is sent out of the blocks it lies in. Between messages a socket
//! holds no block. What a socket reads is charged to the account that it was made with.
//!
//! A server gets its sockets from [`upgrade`](crate::ws::upgrade()) on hyper, or from the extractor
//! `ws::axum::WebSocketUpgrade` (feature `axum`). A client calls [`connect`](crate::ws::connect),
//! or [`connect_on`](crate::ws::connect_on) with a TLS stream. An echo, with both ends:
//!
//! ```
//! use std::future::IntoFuture;
//! use axum::{Router, response::Response, routing::any};
//! use leasehold::{Pool, http::serve, ws::{self, axum::WebSocketUpgrade}};
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(async |mut socket| {
//!         while let Some(received) = socket.recv().await {
//!             // The peer is told of an error; the end of the stream comes next.
//!             let Ok(message) = received else { continue };
//!             if message.is_data() && socket.send(message).await.is_err() {
//!                 break;
//!             }
//!         }
//!     })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(64 << 20)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let uri = format!("ws://{}/echo", listener.local_addr()?);
//! let app = Router::new().route("/echo", any(echo)).with_state(pool.clone());
//! tokio::spawn(serve(listener, app).pool(&pool, 4 << 20).into_future());
//!
//! let (mut socket, _response) = ws::connect(uri, &pool).await?;
//! socket.send("hello").await?;
//! assert_eq!(socket.recv().await.transpose()?, Some("hello".into()));
//! socket.close(None).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The same handler serves WebSockets on HTTP/2 (RFC 8441). They begin with a CONNECT there, so
//! route the handler with `any`, and not with `get`. On HTTP/2 many sockets and requests share a
//! connection.
//!
//! # Keep polling
//! A socket answers pings and close frames while it is polled, and in no other task. So read in a
//! loop, also if you expect nothing. A socket that must receive and send at once is split
//! (`StreamExt::split`), or is a member of a hub.
//!
//! [`KeepAlive`](crate::ws::KeepAlive) pings peers that are silent, and ends sockets whose peer
//! does not answer.
//!
//! # Limits
//! [`Config`](crate::ws::Config) bounds the length of a frame and of a message, how much may be
//! queued for a peer that does not read, and how long a close may take. One `Config` in an `Arc`
//! serves all sockets of a server. No length that a peer announces takes memory: blocks are leased
//! as bytes arrive.
//!
//! # One message for many
//! A [`Hub`] broadcasts. A message exists once, however many members it goes to. Each [`Member`]
//! has a mailbox with a bound; a member that reads too slowly loses its oldest messages, or is
//! closed ([`SlowPolicy`](crate::ws::SlowPolicy)), and does not slow the others down.
//!
//! ```
//! use leasehold::{Pool, ws::{Hub, Message, Role, SlowPolicy, WebSocket}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(8 << 20)?;
//! let feed = pool.account("feed", 1 << 20); // what all queued messages may take together
//! let hub = Hub::builder(&feed).max_queued(64 << 10).policy(SlowPolicy::DropOldest).build();
//!
//! let mut clients = Vec::new();
//! for _ in 0..3 {
//!     let (near, far) = tokio::io::duplex(1 << 10);
//!     let mut member = hub.join(WebSocket::new(near, Role::Server, &pool));
//!     tokio::spawn(async move { while member.recv().await.is_some() {} }); // polls it
//!     clients.push(WebSocket::new(far, Role::Client, &pool));
//! }
//! assert_eq!(hub.send("news").await?, 3);
//! for client in &mut clients {
//!     assert_eq!(client.recv().await.transpose()?, Some(Message::from("news")));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The end
//! - [`WebSocket::close`] writes all that was taken, sends a close frame and waits for the answer
//!   of the peer, for at most `close_timeout`. A drop sends no close frame.
//! - A failed `send` does not end the stream. Read on: the peer may have said why it went.
//! - [`Hub::close`] sends what was accepted before; [`Hub::abort`] ends at once.
//! - When a server of this crate stops, its sockets tell their peers so (1001), while they are
//!   polled.
//!
//! ```
//! use leasehold::{Pool, ws::{CloseCode, CloseFrame, Message, Role, WebSocket}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(8 << 20)?;
//! let (near, far) = tokio::io::duplex(1 << 10);
//! let mut server = WebSocket::new(near, Role::Server, &pool);
//! let mut client = WebSocket::new(far, Role::Client, &pool);
//!
//! let last_words = CloseFrame::new(CloseCode::GOING_AWAY, "good night");
//! let frame = Some(last_words.clone());
//! let closing = tokio::spawn(async move { server.close(frame).await });
//! let received = client.recv().await.transpose()?;
//! assert_eq!(received, Some(Message::Close(Some(last_words))));
//! assert!(client.recv().await.is_none()); // both ends have closed
//! drop(client);
//! closing.await??;
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Hub`]: crate::ws::Hub
//! [`Hub::abort`]: crate::ws::Hub::abort
//! [`Hub::close`]: crate::ws::Hub::close
//! [`Member`]: crate::ws::Member
//! [`Message`]: crate::ws::Message
//! [`WebSocket`]: crate::ws::WebSocket
//! [`WebSocket::close`]: crate::ws::WebSocket::close
