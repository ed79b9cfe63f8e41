//! Chains in and out of axum's handlers (feature `axum`).
//!
//! - [`Chain`](crate::Chain) is an extractor: a request's body as one chain, with limits and
//!   rejections like those of axum's own extractors.
//! - [`LeasedBody`](super::LeasedBody) is an extractor too: a request's body as chains that come
//!   one by one.
//! - [`Chain`](crate::Chain) is a response.
//!
//! Both extractors take the body, so such an argument is a handler's last. `axum::debug_handler`
//! (axum's feature `macros`) names the argument that is in the wrong place.
//!
//! The extractors lease from the request's account, which is one of its extensions:
//! - the account of the request itself, from `layer::BudgetLayer`;
//! - else the account of its connection, from [`Serve::pool`](super::serve::Serve::pool);
//! - else an account that the router adds: `Extension<Account>` or `Extension<Pool>`.
//!
//! The router needs no state for them. A request without an account is answered by
//! [`MissingAccount`], whose text says how to give it one.
//!
//! ```
//! use axum::{Extension, Router, routing::post};
//! use leasehold::{Chain, Pool};
//!
//! async fn echo(body: Chain) -> Chain {
//!     body
//! }
//!
//! # fn main() -> Result<(), leasehold::BuildError> {
//! let pool = Pool::new(64 << 20)?;
//! let app: Router = Router::new().route("/", post(echo)).layer(Extension(pool));
//! # Ok(())
//! # }
//! ```

mod account;
mod chain;
mod chain_rejection;
mod leased_body;
mod missing_account;
mod responses;

pub use self::{chain_rejection::ChainRejection, missing_account::MissingAccount};
