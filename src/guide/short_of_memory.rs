//! When memory is short: what waits, what is refused, and what your clients see.
//!
//! # Try, or wait
//! Every way to get memory comes in two forms. A `try_` form never waits, and its error says why
//! not. The other form waits in line, for at most [`max_wait`](crate::Builder::max_wait) (30 s by
//! default) or for the time that you give (`lease_timeout`, `chain_timeout`, `reserve_timeout`).
//!
//! The line is first come, first served. A request that is too large for what is free holds the
//! others back only for a bounded time, so every wait ends. A wait that is dropped gives up its
//! place, and nothing is lost.
//!
//! # What a refusal says
//! | [`LeaseError`] | cause | what helps |
//! |---|---|---|
//! | [`is_exhausted`] | the pool has no block | wait, or do less |
//! | [`is_over_limit`] | the account, or one around it, is full | free what this account holds |
//! | [`is_deadline_passed`] | the wait is over | tell the client to come back later |
//! | [`is_too_large`] | no pool of this size can ever grant it | ask for less: waiting is in vain |
//!
//! ```
//! use std::time::Duration;
//! use leasehold::Pool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(1 << 20)?;
//! let account = pool.account("job", 64 << 10);
//! let held = account.try_lease(64 << 10)?;
//!
//! let error = account.try_lease(1).unwrap_err();
//! assert!(error.is_over_limit());
//!
//! let error = account.lease_timeout(1, Duration::from_millis(10)).await.unwrap_err();
//! assert!(error.is_deadline_passed());
//!
//! // A wait that ends well: another task returns its block.
//! let waiting = tokio::spawn(account.lease(1));
//! tokio::task::yield_now().await;
//! drop(held);
//! let block = waiting.await??;
//! assert_eq!(account.leased(), block.capacity());
//! # Ok(())
//! # }
//! ```
//!
//! # What each surface does
//! - [`ChainReader`] and [`BufStream`] wait, and read no more from the peer meanwhile. They fail
//!   when the wait is over, or when their own chain holds all that the account may have.
//! - `codec::Framed` does the same. Its sink waits for the room of a head.
//! - [`Outbox`] needs no memory to send. A full one waits, refuses, drops its oldest item, or
//!   closes, as its policy says.
//! - [`Relay`]: each direction waits for itself.
//! - `http::collect` and `http::LeasedBody` wait. The body stays in the kernel, so the client waits
//!   too.
//! - `http::ReaderBody` waits before it reads the file further.
//! - `http::serve`: a whole head waits for room, until the pool's `max_wait` or `header_timeout` is
//!   over, whichever is first. Both are 30 s by default. Then the client is answered 503 with
//!   `Retry-After`; so it is at once if too many heads wait.
//! - `layer::BudgetLayer` reserves at once, or answers 503 at once.
//! - `ws::WebSocket` waits to read, and to mask or compress what it sends.
//! - `ws::Hub`: `send` fails, and the error has the message. A member that holds too much is
//!   closed.
//!
//! An error never leases: a refusal, a close frame and a 503 are told without memory of the pool.
//!
//! # Which 503 is it?
//! | the answer | comes from | and is decided by |
//! |---|---|---|
//! | "Failed to buffer the request body: …" | the extractor `Chain` | the request's account, and the pool's `max_wait` |
//! | "no room for another connection …", `connection: close` | `http::serve` | the account "awake connections" or "half heads" in `Stats::accounts` |
//! | "all memory is in use …" | `BudgetLayer` | the account of the layer |
//!
//! All awake connections of a server together get at most half of its pool, 18 KiB each. So they
//! may wait, and may be refused, while half of the pool is free: the other half is for your
//! handlers. A larger pool lets more connections be awake at once.
//!
//! # Admit first, then work
//! A server that takes on every request, and lets each wait for memory on its way, can fill up with
//! requests of which none can finish. So reserve what a piece of work will need before it begins,
//! and refuse it if that cannot be had. A [`Credit`](crate::Credit) does that: the leases of its
//! account draw on it, and need not wait. `BudgetLayer` does it for every request of a tower
//! service.
//!
//! ```
//! use leasehold::{Account, LeaseError, Pool};
//!
//! /// Takes a job on only if all of its memory can be had now.
//! fn work(jobs: &Account) -> Result<usize, LeaseError> {
//!     let job = jobs.account("job", 256 << 10);
//!     let credit = job.try_credit(128 << 10)?; // refused here, or not at all
//!     let first = job.try_lease(64 << 10)?;
//!     let second = job.try_lease(64 << 10)?;
//!     assert_eq!(credit.left(), 0);
//!     Ok(first.capacity() + second.capacity())
//! }
//!
//! let pool = Pool::new(1 << 20)?;
//! assert_eq!(work(&pool)?, 128 << 10);
//!
//! let others = std::iter::from_fn(|| pool.try_lease(64 << 10).ok()).collect::<Vec<_>>();
//! assert!(work(&pool).unwrap_err().is_exhausted()); // at once, before anything was done
//! drop(others);
//! assert_eq!(pool.leased(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Before it is short
//! [`Pool::pressure`](crate::Pool::pressure) says how full the pool is.
//! [`Pool::wait_for_pressure`](crate::Pool::wait_for_pressure) returns when seven eighths are
//! leased, or when a request waits: empty a cache then, or stop accepting. With the feature
//! `tracing` each refusal is an event, at most one a second, with the largest accounts in it.
//! `Stats::refused` counts the refusals that your code was told.
//!
//! [`LeaseError`]: crate::LeaseError
//! [`is_exhausted`]: crate::LeaseError::is_exhausted
//! [`is_over_limit`]: crate::LeaseError::is_over_limit
//! [`is_deadline_passed`]: crate::LeaseError::is_deadline_passed
//! [`is_too_large`]: crate::LeaseError::is_too_large
//! [`BufStream`]: crate::io::BufStream
//! [`ChainReader`]: crate::io::ChainReader
//! [`Outbox`]: crate::io::Outbox
//! [`Relay`]: crate::io::Relay
