//! The service: one blob, which `Put` replaces and `Get` streams.

use std::{
    iter,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::Response,
    routing::post,
};
use futures_util::stream;
use leasehold::{Account, Chain, layer::BudgetLayer};
use tonic::{Request as Call, Response as Answer, Status, body::Body, server::Grpc};
use tower::service_fn;

use crate::chain_codec::ChainCodec;

/// The longest message that is accepted; tonic's default is 4 MiB.
pub(crate) const MESSAGE_MAX: usize = 8 << 20;

/// `Get` sends messages of this length. tonic copies one message at a time.
const PIECE_LEN: usize = 64 << 10;

#[derive(Clone)]
struct Shelf {
    /// What is kept is charged here, and no longer to the call that brought it.
    account: Account,
    blob: Arc<Mutex<Chain>>,
}

/// A method is a route. So each one reserves as much as it needs.
pub(crate) fn app(pool: &Account) -> Router {
    // For a moment the message is in tonic's buffer and in our blocks. Whatever length a request
    // announces, tonic makes room for the message in it: so its own length counts for nothing.
    let put_budget = BudgetLayer::new(pool).base_len(2 * MESSAGE_MAX).max_body(0);
    let get_budget = BudgetLayer::new(pool);
    // One blob, and one that is still being sent.
    let account = pool.account("shelf", 2 * MESSAGE_MAX);
    Router::new()
        .route("/Shelf/Put", post(put).layer(put_budget))
        .route("/Shelf/Get", post(get).layer(get_budget))
        .with_state(Shelf { account, blob: Arc::default() })
}

async fn put(
    State(shelf): State<Shelf>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response<Body> {
    let keep = service_fn(async |call: Call<Chain>| {
        let blob = call.into_inner();
        blob.charge_to(&shelf.account)
            .map_err(|error| Status::resource_exhausted(error.to_string()))?;
        let answer = format!("{} bytes are kept", blob.len());
        *shelf.blob.lock().unwrap_or_else(PoisonError::into_inner) = blob;
        Ok(Answer::new(Chain::from(answer)))
    });
    let mut grpc = Grpc::new(ChainCodec::new(&account)).max_decoding_message_size(MESSAGE_MAX);
    grpc.unary(keep, request).await
}

async fn get(
    State(shelf): State<Shelf>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response<Body> {
    let pieces = service_fn(async |_: Call<Chain>| {
        // A clone is the same blocks. They stay if another `Put` comes meanwhile.
        let mut rest = shelf.blob.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let next = move || {
            let len = rest.len().min(PIECE_LEN);
            (len > 0).then(|| Ok(rest.split_to(len)))
        };
        Ok(Answer::new(stream::iter(iter::from_fn(next))))
    });
    // The request is an empty message. tonic makes room for any length that is allowed.
    let mut grpc = Grpc::new(ChainCodec::new(&account)).max_decoding_message_size(0);
    grpc.server_streaming(pieces, request).await
}
