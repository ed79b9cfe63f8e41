//! `BudgetLayer`: puts a budget in front of a service.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderValue, Method, Response, Uri};
use bytes::Bytes;
use tower_layer::Layer;

use super::{budget::Budget, settings::Settings};
use crate::pool::{Account, LeaseError};

/// Reserves memory for each request, or answers 503 with `Retry-After` if there is none.
///
/// Each request gets an account of its own inside the layer's account, as an extension of type
/// [`Account`]. It replaces the account of the connection, if the server gave one. The account has
/// a [`Credit`](crate::Credit) of [`base_len`](Self::base_len) bytes and the length that the body
/// announces. Leases of that account, and bodies that [`collect`](crate::http::collect) reads into
/// it, draw on the credit: an admitted request does not wait for the memory that was promised to
/// it. Leases beyond the credit are as without one: they need room, and may wait.
///
/// The credit is given back when the response's body has ended, has failed or is dropped, and when
/// the response's future fails or is dropped. Blocks that are still leased then, such as blocks on
/// their way to the client, stay charged until they come home.
///
/// # Shape
/// Bytes. For one request at most a quarter of the pool's budget is reserved, and no more than the
/// smallest limit of the account and the accounts around it. A longer body is read as memory comes
/// home.
///
/// # Errors
/// Those of the inner service; a refusal is a response. Then the inner service is not called, and
/// the request's body is not read: hyper ends the connection if the client goes on sending it. A
/// gRPC call is refused with the same status and without a body; its client reads that as
/// `UNAVAILABLE`.
///
/// # Peers that lie
/// An announced length reserves room in the budget, and no memory. A peer can announce much and
/// send nothing; it holds the room until its request ends. So give requests an end, by a timeout
/// above this layer or by [`Serve::stall_timeout`], or bound the room of one request with
/// [`max_body`](Self::max_body).
///
/// # Place
/// Put timeouts and limits on concurrency above this layer: their refusals then reserve nothing.
/// Put everything that uses memory below it. In an axum router use [`layer`], or `route_layer` on
/// the routes that need it.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use axum::{Router, routing::post};
/// use leasehold::{Chain, Pool, layer::BudgetLayer};
///
/// let pool = Pool::new(64 << 20)?;
/// let budget = BudgetLayer::new(&pool.account("uploads", 32 << 20))
///     .base_len(128 << 10) // for every request
///     .max_body(8 << 20) // whatever its body announces
///     .retry_after(Duration::from_secs(5))
///     .name_with(|_, uri, _| uri.path().to_owned().into());
/// let app: Router = Router::new()
///     .route("/upload", post(async |body: Chain| body.len().to_string()))
///     .layer(budget);
/// # drop(app);
/// # Ok::<(), leasehold::BuildError>(())
/// ```
///
/// [`Serve::stall_timeout`]: crate::http::serve::Serve::stall_timeout
/// [`layer`]: https://docs.rs/axum/latest/axum/struct.Router.html#method.layer
#[derive(Clone)]
pub struct BudgetLayer {
    settings: Arc<Settings>,
}

impl BudgetLayer {
    /// Makes a layer whose requests share `account`, each in an account of its own inside it.
    pub fn new(account: &Account) -> Self {
        Self { settings: Arc::new(Settings::new(account)) }
    }

    /// Sets how many bytes are reserved for every request beside its body; 64 KiB by default.
    ///
    /// They are for the beginning of the response, for the part of a body's blocks beyond its
    /// length, and for all else that a request costs. Behind a server other than
    /// [`http::serve`](mod@crate::http::serve) add what hyper holds for a connection: 18 to 430 KB.
    #[must_use]
    pub fn base_len(self, bytes: usize) -> Self {
        self.with(|settings| settings.base_len = bytes)
    }

    /// Sets how many bytes are reserved for a body that does not announce its length; 64 KiB by
    /// default.
    ///
    /// It is no bound for gRPC. A call may announce a short body, and in it a long message, for
    /// which tonic makes room. For such a service use [`base_len`](Self::base_len), and
    /// [`max_body(0)`](Self::max_body).
    #[must_use]
    pub fn unknown_len(self, bytes: usize) -> Self {
        self.with(|settings| settings.unknown_len = bytes)
    }

    /// Sets the most bytes that are reserved for a body, whatever length it announces; no limit by
    /// default. For services that pass a body on as it comes, and never hold all of it.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_body = bytes)
    }

    /// Sets the limit of a request's account, in bytes; by default the limit of the layer's
    /// account.
    #[must_use]
    pub fn max_request(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_request = bytes.min(settings.account.budget_of_pool()))
    }

    /// Sets the value of `Retry-After`, in whole seconds, rounded up; 1 s by default (RFC 9110
    /// §10.2.3).
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        self.with(|settings| settings.retry_after = HeaderValue::from(seconds))
    }

    /// Sets a function that makes the response of a refusal. By default that is a 503 in plain
    /// text, or a gRPC status. The response should need almost no memory.
    ///
    /// A refusal of a gRPC call has no body: its client would read that as messages. With tonic,
    /// `Status::into_http` makes such a response.
    #[must_use]
    pub fn refuse_with(
        self,
        refuse: impl Fn(&LeaseError) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.refuse = Some(Arc::new(refuse)))
    }

    /// Sets a function that names a request's account, for
    /// [`Stats::accounts`](crate::Stats::accounts) and errors; the name is `"request"` by default.
    #[must_use]
    pub fn name_with(
        self,
        name: impl Fn(&Method, &Uri, &HeaderMap) -> Cow<'static, str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.name = Some(Arc::new(name)))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for BudgetLayer {
    type Service = Budget<S>;

    fn layer(&self, inner: S) -> Budget<S> {
        Budget::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for BudgetLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("BudgetLayer")
            .field("account", &settings.account)
            .field("base_len", &settings.base_len)
            .field("unknown_len", &settings.unknown_len)
            .field("max_body", &settings.max_body)
            .field("max_request", &settings.max_request)
            .finish_non_exhaustive()
    }
}
