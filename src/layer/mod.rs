//! A tower layer that keeps requests within a budget (feature `tower`).
//!
//! [`BudgetLayer`] reserves memory for each request before the service sees it, and answers 503
//! when there is none. So a server that is short of memory says so at once, and does not take on
//! work that would wait for memory behind the work that it has. The reserved memory is held until
//! the response's body has ended or is dropped. That holds on every path: an error, a panic, a
//! timeout above, a client that goes away. A limit on concurrency does less: it gives its permit
//! back before the body is sent.
//!
//! ```
//! use leasehold::{Account, BlockMut, LeaseError, Pool, layer::BudgetLayer};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use bytes::Bytes;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let pool = Pool::new(1 << 20)?;
//! let mut service = ServiceBuilder::new().layer(BudgetLayer::new(&pool)).service(service_fn(
//!     async |request: Request<Full<Bytes>>| {
//!         // The request's own account: what is leased there is made of what was reserved.
//!         let account = request.extensions().get::<Account>().expect("the layer puts it there");
//!         let _block = account.try_lease(4 << 10)?;
//!         Ok::<_, LeaseError>(Response::new(Full::<Bytes>::from("done")))
//!     },
//! ));
//! let upload = || Request::new(Full::<Bytes>::from(vec![0; 100 << 10]));
//!
//! let response = service.ready().await?.call(upload()).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! // 64 KiB for every request, and the announced length, less the block that was drawn from it.
//! assert_eq!(pool.leased(), (64 << 10) + (100 << 10) - (4 << 10));
//! drop(response); // sent, or its client is gone
//! assert_eq!(pool.leased(), 0);
//!
//! let blocks: Vec<BlockMut> = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
//! let response = service.ready().await?.call(upload()).await?;
//! assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
//! assert_eq!(response.headers()["retry-after"], "1");
//! # drop(blocks);
//! # Ok(())
//! # }
//! ```

mod budget;
mod budget_body;
mod budget_future;
mod budget_layer;
mod settings;

pub use self::{
    budget::Budget, budget_body::BudgetBody, budget_future::BudgetFuture, budget_layer::BudgetLayer,
};
