//! gRPC with tonic: large messages, what tonic holds of them, and how to bound it.
//!
//! tonic's services are tower services. `Routes::into_axum_router` makes a router of them, and
//! [`serve`](crate::http::serve()) runs it, with a `layer::BudgetLayer` (feature `tower`) around
//! it. `examples/grpc` in the repository is a whole program: a codec whose messages are chains, a
//! service with a budget for each method, and a client.
//!
//! # Messages as chains
//! A codec of tonic may decode into a [`Chain`](crate::Chain) and encode from one. tonic calls
//! `decode` when it has the whole message. The codec copies it with
//! [`try_extend_from_slice`](crate::ChainMut::try_extend_from_slice), and cannot wait: without
//! memory it returns `Status::resource_exhausted`. `encode` copies the chain into tonic's buffer,
//! and each block goes home when it is copied. A codec is made for each call, so it can have the
//! [`Account`](crate::Account) of the request.
//!
//! Messages of prost stay on the heap. So do `Bytes` that a codec cuts from tonic's buffer: each
//! keeps the whole buffer.
//!
//! # What tonic holds
//! Heap bytes of a call with a message of 8 MiB, on a connection of its own. `docs/benchmarks.md`
//! has the other figures, and the command.
//!
//! | | tonic's server, messages as `Bytes` | `http::serve`, messages as chains |
//! |---|---|---|
//! | none yet, the connection is idle | 36,609 | 36,140, which the pool has reserved |
//! | a call has begun | 47,312 | 46,488 |
//! | five bytes of its message have come | 8,427,733 | 8,426,909 |
//! | all of it but a byte | 8,450,805 | 8,450,109 |
//! | the handler has it | 8,442,709 | 77,736, and 8 MiB of blocks |
//! | the answer is one message of 8 MiB, not read | 8,426,049 | 8,446,625 |
//! | the answer is messages of 64 KiB, not read | 168,478 | 168,326 |
//!
//! - tonic makes room for a message when its first five bytes have come. They say how long it will
//!   be. The room is on the heap, behind any server. The system gives it pages as bytes come.
//! - A message is in the heap until it is whole. Then the codec copies it, so for a moment it is in
//!   memory twice. A chain is leased from there on; `Bytes` keep tonic's buffer.
//! - An answer of one message is copied into one buffer of its length. hyper hands that to h2 at
//!   once, however small the client's window is.
//! - A stream of messages of 64 KiB holds about two of them. tonic gathers 32 KiB of messages, or
//!   one that is longer.
//! - A call that waits for its first byte holds 11 KB beside its connection. 8 KiB of that is the
//!   buffer that tonic reads into, and `buffer_settings` of a codec makes it smaller.
//!
//! # How to bound it
//! | setting | bounds |
//! |---|---|
//! | `max_decoding_message_size` of the service | the room that tonic makes; 4 MiB unless it is set |
//! | … 0, for a method whose request is empty | the same: no message, no room |
//! | `BudgetLayer::base_len`, twice the longest message | how many such calls there are at once: the others are refused before tonic reads |
//! | `BudgetLayer::max_body(0)` | nothing is reserved by the length that a request announces |
//! | messages of 64 KiB in a stream, in place of a long one | what an answer holds |
//! | `ConcurrencyLimit` of tower above the layer | calls at once, of all connections |
//!
//! A client can announce a request of ten bytes, and in them a message of 8 MiB. So the length that
//! a request announces says nothing, and [`unknown_len`](crate::layer::BudgetLayer::unknown_len)
//! alone is no bound. Without a layer, 100 calls on one connection make 839 MB of room with 500
//! bytes of messages. `concurrency_limit_per_connection` and `max_concurrent_streams` are settings
//! of tonic's own server. Behind `http::serve` a connection has at most hyper's 200 streams, and
//! 100 with [`Serve::pool`](crate::http::serve::Serve::pool).
//!
//! 100 uploads of 8 MiB at once, with 16 MiB reserved for each: under a budget of 64 MiB 3 are
//! taken, and under 256 MiB 15. The others are refused. All together hold 29 and 130 MB of heap
//! beside the pool's blocks.
//!
//! **What the layer does not bound**: what h2 holds. When hyper has given the last message of an
//! answer to h2, the call is over for the layer, and its reservation goes back. Until the client
//! reads it, the message is in the heap. `Serve::pool` counts it: once 512 KiB are unsent on a
//! connection, hyper gets no more of its other answers. But tonic makes a message whole before
//! anybody can ask how long it is, so each slow client may hold one. A stream of short messages
//! holds few of them, and its reservation stays until the end.
//!
//! # What a client sees
//! | what there is no room for | status |
//! |---|---|
//! | a call, refused by the layer | UNAVAILABLE, with HTTP 503 and `retry-after` |
//! | the same, with `refuse_with` | the one that it gives: tonic's `Status::into_http` makes a response |
//! | a message, refused by the codec | RESOURCE_EXHAUSTED, if the codec says so |
//! | a message over `max_decoding_message_size` | OUT_OF_RANGE |
//! | a connection, refused by [`serve`](crate::http::serve()) | a GOAWAY with ENHANCE_YOUR_CALM, which tonic's client reads as RESOURCE_EXHAUSTED |
//!
//! A refusal that `refuse_with` makes has no body: a client of gRPC would read it as messages, and
//! report INTERNAL. A plain 503 without a body is UNAVAILABLE.
//!
//! ```
//! use axum::{Router, routing::post};
//! use leasehold::{Pool, layer::BudgetLayer};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const MESSAGE_MAX: usize = 1 << 20;
//!
//! let pool = Pool::new(16 << 20)?;
//! let budget = BudgetLayer::new(&pool).base_len(2 * MESSAGE_MAX).max_body(0);
//! // With tonic: `Routes::new(service).into_axum_router().layer(budget)`.
//! let app: Router = Router::new().route("/Shelf/Put", post(async || ())).layer(budget);
//! let call = || {
//!     http::Request::post("/Shelf/Put")
//!         .header("content-type", "application/grpc")
//!         .body(axum::body::Body::empty())
//! };
//!
//! let _others = pool.try_reserve(4 << 20)?;
//! assert_eq!(app.clone().oneshot(call()?).await?.status(), 200);
//!
//! let _others = std::iter::from_fn(|| pool.try_reserve(1 << 20).ok()).collect::<Vec<_>>();
//! let refused = app.oneshot(call()?).await?;
//! assert_eq!(refused.status(), 503);
//! assert_eq!(refused.headers()["grpc-status"], "14");
//! # Ok(())
//! # }
//! ```
