//! Chains in and out of axum's handlers (feature `axum`).
//!
//! - [`Leased`]: a request's body as one chain, with limits and rejections like those of axum's own extractors.
//! - [`LeasedBody`](super::LeasedBody) is an extractor too: a request's body as chains that come one by one.
//! - [`Chain`](crate::Chain) and [`Leased`] are responses.
//!
//! The extractors lease in the account that the request brings as an extension: its own, from `layer::BudgetLayer`, or its connection's, from
//! [`Serve::pool`](super::serve::Serve::pool). A request that brings none is charged to the [`Pool`](crate::Pool) in the router's state: the
//! state is one, or gives one by `FromRef`.
//!
//! ```
//! use axum::{Router, routing::post};
//! use leasehold::{Chain, Pool, http::axum::Leased};
//!
//! async fn echo(Leased(body): Leased) -> Chain {
//!     body
//! }
//!
//! # fn main() -> Result<(), leasehold::BuildError> {
//! let pool = Pool::new(64 << 20)?;
//! let app: Router = Router::new().route("/", post(echo)).with_state(pool);
//! # Ok(())
//! # }
//! ```

mod account;
mod leased;
mod leased_rejection;
mod responses;
mod streamed;

pub use self::{leased::Leased, leased_rejection::LeasedRejection};
