//! `Settings`: how much is reserved for a request, and the answer when there is no memory.

use std::{borrow::Cow, sync::Arc};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use bytes::Bytes;
use http_body::{Body, SizeHint};

use crate::pool::{Account, Credit, LeaseError};

/// For the beginning of a response, and for the part of a body's last block beyond the body's end.
const FLOOR: usize = 64 << 10;

/// As much as one read of a body brings; memory for more grows with it.
const UNKNOWN_LEN: usize = 64 << 10;

/// The name of a request's account, unless `name_with` gives another one.
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
            // The connection's account: this one takes its place.
            Some(place) => *place = its_own,
            None => drop(request.extensions_mut().insert(its_own)),
        }
        Ok(credit)
    }

    /// How many bytes to reserve for a request with this hint of its body's length.
    fn wanted(&self, hint: &SizeHint) -> usize {
        let saturated = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
        let (least, most) = (saturated(hint.lower()), hint.upper().map_or(usize::MAX, saturated));
        // The length is exact if both bounds are the same.
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
            // Without a body: gRPC clients read a body as messages, and would report it as broken.
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

/// gRPC over HTTP/2, Requests: the content type of a call begins like this; `+proto` or `-web` may
/// follow.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|of| of.as_bytes().starts_with(GRPC.as_bytes()))
}

/// Static: to report a lack of memory takes no memory.
const REFUSAL: &str = "all memory is in use; try again in a moment\n";

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// gRPC, Status codes: UNAVAILABLE, "which can be corrected by retrying with a backoff".
const GRPC_UNAVAILABLE: &str = "14";
