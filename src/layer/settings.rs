//! `Settings`: what a request is reserved, and what is said when that cannot be had.

use std::{borrow::Cow, sync::Arc};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use bytes::Bytes;
use http_body::{Body, SizeHint};

use crate::pool::{Account, Credit, LeaseError};

/// For what a response begins with, and for what a request's body takes beyond its length: it is
/// read into whole blocks.
const FLOOR: usize = 64 << 10;

/// As much as one read of a body brings; memory for more grows with it.
const UNKNOWN_LEN: usize = 64 << 10;

/// What an account of a request is called unless it is given a name.
const NAME: &str = "request";

type Refuse = dyn Fn(&LeaseError) -> Response<Bytes> + Send + Sync;
type Name = dyn Fn(&Method, &Uri, &HeaderMap) -> Cow<'static, str> + Send + Sync;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) account: Account,
    pub(super) base_len: usize,
    pub(super) unknown_len: usize,
    pub(super) max_body: usize,
    pub(super) max_request: usize,
    pub(super) retry_after: HeaderValue,
    pub(super) refuse: Option<Arc<Refuse>>,
    pub(super) name: Option<Arc<Name>>,
}

impl Settings {
    pub(super) fn new(account: &Account) -> Self {
        Self {
            account: account.clone(),
            base_len: FLOOR,
            unknown_len: UNKNOWN_LEN,
            max_body: usize::MAX,
            max_request: account.budget_of_pool(),
            retry_after: HeaderValue::from_static("1"),
            refuse: None,
            name: None,
        }
    }

    /// Opens the request's account, and reserves there what it will need.
    pub(super) fn admit<B: Body>(&self, request: &mut Request<B>) -> Result<Credit, LeaseError> {
        let name = self.name.as_ref().map_or(Cow::Borrowed(NAME), |name| {
            name(request.method(), request.uri(), request.headers())
        });
        let account = self.account.account(name, self.max_request);
        let wanted = self.wanted(&request.body().size_hint()).min(account.reservation_max());
        let its_own = account.clone();
        let credit = account.into_credit(wanted)?;
        match request.extensions_mut().get_mut() {
            // The connection's: its place is made already.
            Some(place) => *place = its_own,
            None => drop(request.extensions_mut().insert(its_own)),
        }
        Ok(credit)
    }

    /// Bytes for a request whose body says so of its length.
    fn wanted(&self, hint: &SizeHint) -> usize {
        let saturated = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
        let (least, most) = (saturated(hint.lower()), hint.upper().map_or(usize::MAX, saturated));
        // Exact if both are the same.
        let body = self.unknown_len.max(least).min(most).min(self.max_body);
        self.base_len.saturating_add(body)
    }

    pub(super) fn refusal(&self, headers: &HeaderMap, error: &LeaseError) -> Response<Bytes> {
        if let Some(refuse) = &self.refuse {
            return refuse(error);
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(RETRY_AFTER, self.retry_after.clone());
        if is_grpc(headers) {
            // Without a body: clients take whatever is there for messages, and say that it is
            // broken.
            let fields = [
                (CONTENT_TYPE, GRPC),
                (GRPC_STATUS, GRPC_UNAVAILABLE),
                (GRPC_MESSAGE, REFUSAL.trim_end()),
            ];
            response
                .headers_mut()
                .extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
        } else {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            *response.body_mut() = Bytes::from_static(REFUSAL.as_bytes());
        }
        response
    }
}

/// gRPC over HTTP/2, Requests: the content type of a call begins so, with `+proto` or `-web` behind
/// it.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(GRPC.as_bytes()))
}

/// Static, so that telling of a lack of memory takes none of it.
const REFUSAL: &str = "all memory is in use; try again in a moment\n";

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// gRPC, Status codes: UNAVAILABLE, "which can be corrected by retrying with a backoff".
const GRPC_UNAVAILABLE: &str = "14";
