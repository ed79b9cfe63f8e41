//! The application: which request goes where.

use axum::{
    Router,
    extract::{Request, State},
    http::Uri,
    middleware::from_fn,
    response::{Html, IntoResponse, Response},
    routing::{MethodRouter, get},
};
use leasehold::{Pool, layer::BudgetLayer};
use tower::Service;

use crate::{download::download, files::Root, log, reply, status::status};

/// What is under `/`: a file of its own, for whoever wants to write HTML.
const PAGE: &str = include_str!("page.html");

/// What is reserved for a request before it is admitted: a block of the file.
const REQUEST_LEN: usize = 64 << 10;

/// The application, with the account that those of all connections are in.
///
/// Only what is under [`files`] leases blocks, and all together at most five eighths of the budget: what is left is for connections that are
/// woken, of which there are no more than transfers and a few. So the rest is answered also when there is no memory for files, and a request
/// that finds none is refused at once: waiting, it would keep a connection awake.
pub fn app(root: Root, clients: &Pool) -> Router {
    let transfers = clients.child("transfers", clients.limit() / 8 * 5);
    let budget =
        BudgetLayer::new(&transfers).floor(REQUEST_LEN).body_max(0).request_max(account_limit(transfers.budget()));
    let files = files(root, budget);
    Router::new()
        .route("/", get(front).with_state(files.clone()).fallback(reply::only_get))
        .route("/-/pool", get(status).with_state(clients.clone()).fallback(reply::only_get))
        .fallback_service(files)
        .layer(from_fn(log::requests))
}

/// Files and listings.
fn files(root: Root, budget: BudgetLayer) -> MethodRouter {
    get(download).with_state(root).route_layer(budget).fallback(reply::only_get)
}

/// An eighth of the budget, so that no client can take all; at least what a file needs to flow: a block on its way out, one being
/// read, and a page.
fn account_limit(budget: usize) -> usize {
    (budget / 8).max((2 * 64 + 20) << 10)
}

/// The page, or with `?files` the listing of the root: the page has its place.
async fn front(State(mut files): State<MethodRouter>, request: Request) -> Response {
    if asks_for_files(request.uri()) {
        return files.call(request).await.unwrap_or_else(|never| match never {});
    }
    Html(PAGE).into_response()
}

fn asks_for_files(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|field| field == "files" || field.starts_with("files=")))
}
