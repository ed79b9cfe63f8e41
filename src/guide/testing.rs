//! Testing: that nothing leaks, and that a refusal breaks nothing.
//!
//! # Nothing is left
//! A pool of its own for each test, and one line at the end: [`leased`](crate::Account::leased) is
//! 0 when every block is home. It is exact as soon as no task leases or returns. A block that is
//! forgotten in a queue, in a task or in a cache shows.
//!
//! ```
//! use bytes::BufMut;
//! use leasehold::{Account, Chain, LeaseError, Pool};
//!
//! fn greeting(account: &Account) -> Result<Chain, LeaseError> {
//!     let mut chain = account.try_chain(5000)?;
//!     chain.put_slice(b"hello");
//!     Ok(chain.freeze())
//! }
//!
//! let pool = Pool::new(1 << 20)?; // in a test: small, and not shared with other tests
//! let chain = greeting(&pool)?;
//! assert_eq!(chain, *b"hello");
//! drop(chain);
//! assert_eq!(pool.leased(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Every refusal in turn
//! Memory runs out at the worst place. [`Account::refuse_nth`](crate::Account::refuse_nth) makes
//! the nth ask fail on purpose: 0 is the next one. Run an operation with n = 0, 1, 2 … until it
//! needs no more asks, and each of its asks has failed once. It works in every build, and costs
//! nothing while it is not used.
//!
//! ```
//! use leasehold::{ChainMut, Pool, io::{ChainReader, write_all_buf}};
//! use tokio::io::AsyncWriteExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(1 << 20)?;
//! let mut refused = 0;
//! loop {
//!     let refusals = pool.refuse_nth(refused);
//!     let result = one_message(&pool).await;
//!     assert_eq!(pool.leased(), 0); // nothing is kept, whatever was refused
//!     if refusals.count() == 0 {
//!         result?; // no ask is left that could be refused
//!         break;
//!     }
//!     refused += 1;
//! }
//! assert!(refused > 0);
//!
//! async fn one_message(pool: &Pool) -> std::io::Result<()> {
//!     let (mut near, mut far) = tokio::io::duplex(1 << 10);
//!     far.write_all(b"hello").await?;
//!     let mut chain = ChainMut::new(pool);
//!     ChainReader::new().read(&mut near, &mut chain).await?;
//!     write_all_buf(&mut near, &mut chain.freeze()).await
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`refuse_every`](crate::Account::refuse_every) refuses again and again, for tests that run long.
//! Both hold for the account and for all accounts inside it, and end when the
//! value they return is dropped.
//!
//! # Every wait cut short
//! A future can be dropped at any of its waits. `now_or_never` of the crate `futures` polls
//! once and drops; a loop that polls n times before it drops meets each wait. What is lost then
//! stands in the section "Cancel safety" of each method.
//!
//! ```
//! use futures_util::FutureExt;
//! use leasehold::Pool;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(1 << 20)?;
//! let full = pool.account("full", 64 << 10);
//! let held = full.try_lease(64 << 10)?;
//!
//! assert!(full.lease(1).now_or_never().is_none()); // waits, and is dropped while it waits
//! drop(held);
//! assert_eq!(pool.leased(), 0); // no block was kept for the wait that is gone
//! # Ok(())
//! # }
//! ```
//!
//! # A full pool
//! To see what a server does when memory is short, lease everything that is left:
//! `std::iter::from_fn(|| pool.try_lease(1).ok()).collect::<Vec<_>>()`. Or open an account with a
//! small limit, and give it to the code under test.
//!
//! # Waits that take no time
//! The crate keeps its time with tokio's timers. In a test with
//! `#[tokio::test(start_paused = true)]` a wait of 30 seconds for memory is over at once.
