//! `ChainRejection`: the answer to a client whose body was not read.

use std::{error::Error, fmt, iter::successors};

use ::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum_core::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;

use super::MissingAccount;
use crate::{http::CollectError, pool::LeaseError};

/// The rejection of a [`Chain`](crate::Chain), like those of axum's own extractors.
///
/// | | status | |
/// |---|---|---|
/// | longer than axum's limit, or than the account can ever hold | 413 | |
/// | no memory in time | 503 | `Retry-After: 1` |
/// | the body broke off | 400 | |
/// | the request has no account ([`MissingAccount`]) | 500 | |
///
/// The response names no account and no figure of the pool; the [`source`](Error::source) does.
///
/// # Examples
/// A handler that sees the rejection itself:
/// ```
/// use axum::{Extension, Router, http::{Request, StatusCode}, routing::post};
/// use leasehold::{Chain, Pool, http::axum::ChainRejection};
/// use tower::ServiceExt;
///
/// async fn upload(body: Result<Chain, ChainRejection>) -> (StatusCode, String) {
///     match body {
///         Ok(body) => (StatusCode::OK, body.len().to_string()),
///         Err(rejection) => (rejection.status(), format!("not taken: {rejection}")),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let app = Router::new().route("/", post(upload)).layer(Extension(pool));
/// let too_long = axum::body::Body::from(vec![0; 3 << 20]); // axum's limit is 2 MiB
/// let response = app.oneshot(Request::post("/").body(too_long)?).await?;
/// assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChainRejection {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Collect(CollectError),
    Missing(MissingAccount),
}

/// What a client can do about it.
enum Cause {
    TooLong,
    OutOfMemory,
    Broken,
    NoAccount,
}

impl ChainRejection {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self.cause() {
            Cause::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Cause::OutOfMemory => StatusCode::SERVICE_UNAVAILABLE,
            Cause::Broken => StatusCode::BAD_REQUEST,
            Cause::NoAccount => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The text of the response.
    pub fn body_text(&self) -> String {
        self.to_string()
    }

    fn cause(&self) -> Cause {
        let Kind::Collect(error) = &self.kind else { return Cause::NoAccount };
        if error.is_too_long() || self.find::<LengthLimitError>().is_some() {
            return Cause::TooLong;
        }
        match self.find::<LeaseError>() {
            Some(error) if error.is_too_large() => Cause::TooLong,
            Some(_) => Cause::OutOfMemory,
            None => Cause::Broken,
        }
    }

    fn collect_error(&self) -> Option<&CollectError> {
        match &self.kind {
            Kind::Collect(error) => Some(error),
            Kind::Missing(_) => None,
        }
    }

    /// The first `E` among the errors behind this one: axum wraps the errors of bodies in its own.
    fn find<E: Error + 'static>(&self) -> Option<&E> {
        successors(self.collect_error().and_then(Error::source), |&error| error.source())
            .find_map(|error| error.downcast_ref())
    }
}

impl IntoResponse for ChainRejection {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.body_text()).into_response();
        if matches!(self.cause(), Cause::OutOfMemory) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl fmt::Display for ChainRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match &self.kind {
            Kind::Collect(error) => error,
            Kind::Missing(missing) => return missing.fmt(f),
        };
        f.write_str("Failed to buffer the request body: ")?;
        match (self.cause(), error.source()) {
            (Cause::TooLong, _) => f.write_str("length limit exceeded"),
            (Cause::OutOfMemory, _) => f.write_str("the server is short of memory"),
            (_, Some(error)) => write!(f, "{error}"),
            (_, None) => write!(f, "{error}"),
        }
    }
}

impl Error for ChainRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Collect(error) => Some(error),
            Kind::Missing(missing) => Some(missing),
        }
    }
}

impl From<CollectError> for ChainRejection {
    fn from(error: CollectError) -> Self {
        Self { kind: Kind::Collect(error) }
    }
}

impl From<MissingAccount> for ChainRejection {
    fn from(missing: MissingAccount) -> Self {
        Self { kind: Kind::Missing(missing) }
    }
}
