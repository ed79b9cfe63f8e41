//! `MissingAccount`: a request has no account to lease from.

use std::{error::Error, fmt};

use ::http::StatusCode;
use axum_core::response::{IntoResponse, Response};

/// The rejection of a request that has no account to lease from. The server is set up wrongly.
///
/// The response is 500. Its text names the three ways to correct that:
/// [`Serve::pool`](crate::http::serve::Serve::pool), `BudgetLayer` and `Extension<Account>`.
///
/// # Examples
/// ```
/// use axum::{Extension, Router, http::Request, routing::post};
/// use leasehold::{Chain, Pool};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app: Router = Router::new().route("/", post(async |body: Chain| body));
/// let post = || Request::post("/").body(axum::body::Body::from("hello")).unwrap();
/// assert_eq!(app.clone().oneshot(post()).await?.status(), 500);
///
/// let app = app.layer(Extension(Pool::new(8 << 20)?));
/// assert_eq!(app.oneshot(post()).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MissingAccount(pub(super) ());

impl IntoResponse for MissingAccount {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl fmt::Display for MissingAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the request has no account to lease from: serve it with `leasehold::http::serve` and \
             `.pool(..)`, wrap it in `BudgetLayer`, or add `Extension(account)`",
        )
    }
}

impl Error for MissingAccount {}
