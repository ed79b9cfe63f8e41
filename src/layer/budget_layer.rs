//! `BudgetLayer`: puts a budget in front of a service.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderValue, Method, Response, Uri};
use bytes::Bytes;
use tower_layer::Layer;

use super::{budget::Budget, settings::Settings};
use crate::pool::{Account, LeaseError};

/// Reserves memory for each request, or answers 503 with `Retry-After` if there is none.
///
/// A request gets an account of its own inside the layer's, as an extension of type [`Account`] (it
/// takes the place of the connection's, if the server gave one), and in it a
/// [`Credit`](crate::Credit) of the [`base_len`](Self::base_len) and the length that its body
/// announces. What the service leases in that account, or reads into it with
/// [`collect`](crate::http::collect), draws on the credit: a request that was admitted does not
/// wait for memory that was promised to it. What it leases beyond is leased as ever.
///
/// The credit is given back when the response's body has ended, failed or is dropped, or the
/// response's future is dropped or fails. Blocks that are still leased then, such as those on their
/// way to the client, stay charged until they come home.
///
/// # Shape
/// Bytes. At most a quarter of the pool's budget, or the smallest limit of the account and those
/// around it, is reserved for one request, whatever it announces: a longer body is read as memory
/// comes home.
///
/// # Errors
/// Those of the inner service; a refusal is a response. The inner service is not called then, and
/// the request's body is not read: hyper ends the connection afterwards if the client goes on
/// sending it. A call of gRPC is refused with the same status and without a body, for its client to
/// read as `UNAVAILABLE`.
///
/// # Peers that lie
/// An announced length reserves room in the budget and no memory. A peer can announce much and send
/// nothing: what it holds ends with its request, so give requests an end, by a timeout above this
/// layer or [`Serve::stall_timeout`], or bound what one may hold with [`max_body`](Self::max_body).
///
/// # Place
/// Above it: timeouts and limits on concurrency, whose refusals then cost nothing here. Below:
/// whatever uses memory. In an axum router use [`layer`], or `route_layer` on the routes that need
/// it.
///
/// [`Serve::stall_timeout`]: crate::http::serve::Serve::stall_timeout
/// [`layer`]: https://docs.rs/axum/latest/axum/struct.Router.html#method.layer
#[derive(Clone)]
pub struct BudgetLayer {
    settings: Arc<Settings>,
}

impl BudgetLayer {
    /// Requests share what `account` may have, each in an account of its own inside it.
    pub fn new(account: &Account) -> Self {
        Self { settings: Arc::new(Settings::new(account)) }
    }

    /// Bytes reserved for every request beside its body; 64 KiB by default.
    ///
    /// It is for what the response begins with, for the blocks of a body beyond its length, and for
    /// whatever else a request costs: behind a server other than
    /// [`http::serve`](mod@crate::http::serve) add what hyper holds of a connection, 18 to 430 KB.
    #[must_use]
    pub fn base_len(self, bytes: usize) -> Self {
        self.with(|settings| settings.base_len = bytes)
    }

    /// Bytes reserved for a body that does not announce its length; 64 KiB by default.
    #[must_use]
    pub fn unknown_len(self, bytes: usize) -> Self {
        self.with(|settings| settings.unknown_len = bytes)
    }

    /// The most bytes reserved for a body, whatever it announces; no limit of its own by default.
    /// For services that pass a body on as it comes, and never hold the whole.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_body = bytes)
    }

    /// The limit of a request's account in bytes; that of the layer's account by default.
    #[must_use]
    pub fn max_request(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_request = bytes.min(settings.account.budget_of_pool()))
    }

    /// What `Retry-After` says, in whole seconds, rounded up; 1 s by default (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        self.with(|settings| settings.retry_after = HeaderValue::from(seconds))
    }

    /// Makes the response of a refusal, in place of a 503 in plain text, or as gRPC says it. It
    /// should take no memory worth counting.
    #[must_use]
    pub fn refuse_with(
        self,
        refuse: impl Fn(&LeaseError) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.refuse = Some(Arc::new(refuse)))
    }

    /// Names a request's account, for [`Stats::accounts`](crate::Stats::accounts) and errors;
    /// `"request"` by default.
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
