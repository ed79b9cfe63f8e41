//! Leased, chained, size-classed buffers for tokio.
//!
//! The memory of a server should follow its work, not its connections. A [`Pool`] owns blocks of
//! several sizes and leases them. Chains of blocks are written, passed on and sent, and each block
//! goes home the moment its last byte is consumed. The whole process has one hard cap, and every
//! byte of it is charged to an account.
//!
//! ```
//! use bytes::{Buf, BufMut};
//! use leasehold::Pool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(16 << 20)?; // never more than 16 MiB of blocks
//! tokio::spawn(pool.maintain()); // gives unused memory back to the system
//! let user = pool.account("user 7", 1 << 20); // this user may have 1 MiB of them
//! let mut message = user.chain(12_000).await?; // waits for memory, at most 30 s
//! assert_eq!(user.leased(), 12 << 10); // capacity is charged: three blocks of 4 KiB
//! message.put_slice(b"twelve thousand bytes, or less");
//! let mut message = message.freeze(); // a `Buf` for hyper; blocks without bytes go home
//! assert_eq!(user.leased(), 4 << 10);
//! message.advance(message.len()); // sent
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! The [guide] explains how to use it, task by task: [budgets](guide::budgets),
//! [reading and writing](guide::reading_writing), HTTP, WebSockets, [what happens when memory is
//! short](guide::short_of_memory), and [testing](guide::testing).
//!
//! - [`Pool`], [`Account`]: leasing, waiting for memory, nested accounts with limits, trimming,
//!   statistics.
//! - [`BlockMut`], [`Block`]: one block, or a range of it, exclusive or shared.
//! - [`Reservation`]: room in the budget for memory that lives elsewhere. [`Credit`]: room that is
//!   kept for later leases.
//! - [`ChainMut`], [`Chain`]: many blocks as one buffer, as [`bytes::BufMut`] and [`bytes::Buf`].
//! - [`io`]: chains in and out of sockets; a buffered stream, a relay, and an outbox that bounds
//!   what a slow peer can hold.
//! - `codec` (feature `codec`): frames out of chains and into chains, and tokio-util's codecs
//!   unchanged.
//! - `http` (feature `http`): chains and readers as bodies for hyper and axum, and bodies as
//!   chains; a server on stock hyper with idle connections that are bare sockets; extractors with
//!   feature `axum`.
//! - `layer` (feature `tower`): a tower layer that reserves memory for each request, and answers
//!   503 when there is none.
//! - `metrics` (feature `metrics`): a pool's figures for any recorder of the `metrics` facade.
//! - `ws` (feature `ws`): WebSockets with chains as messages, for servers and clients; broadcasts.
//! - Feature `tracing`: events when memory is refused (`warn`, once a second at most, with the
//!   largest accounts; `debug` for limits), and when it is leased or given back (`trace`).

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// A room has what the rooms above it use, and not all of them may be built. With all of them,
// nothing may be unused.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

pub mod chain;
#[cfg(feature = "codec")]
pub mod codec;
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
pub mod io;
#[cfg(feature = "tower")]
pub mod layer;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod pool;
mod sync;
mod util;
#[cfg(feature = "ws")]
pub mod ws;

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use self::{
    chain::{Chain, ChainLeaseFuture, ChainMut, Segment},
    pool::{
        Account, AccountStats, Backing, Block, BlockMut, BuildError, Builder, ClassStats, Credit,
        LeaseError, LeaseFuture, Pool, Pressure, Reservation, ReserveFuture, Stats,
    },
};
