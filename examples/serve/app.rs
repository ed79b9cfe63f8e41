//! The application: which request goes where.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri},
    middleware::{from_fn, from_fn_with_state, map_request},
    response::Response,
    routing::{MethodRouter, get, put},
};
use leasehold::{layer::BudgetLayer, ws::Deflate};
use tower::Service;

use crate::{
    download::download,
    echo::{Echo, echo},
    figures::Figures,
    files::Root,
    gate::Gate,
    inbox::Inbox,
    lingering_body::LingeringBody,
    log,
    panel::Panel,
    reply, tally,
    upload::upload,
};

/// How much is reserved for a request before it is admitted: a block of the file.
const REQUEST_LEN: usize = 64 << 10;

/// How much of a path is shown.
const NAME_CHARS_MAX: usize = 80;

/// The application. It shows the figures to requests that the gate admits; without a gate it serves
/// files only.
///
/// Only files, listings, uploads and echoes lease blocks: all together at most five eighths of the
/// budget. The rest is for awake connections; there are few more of them than transfers. So the
/// other paths are answered when there is no memory for files. A request that finds no memory is
/// refused at once: if it waited, it would keep a connection awake.
pub fn app(
    root: Root,
    inbox: Option<Inbox>,
    figures: &Arc<Figures>,
    gate: Option<Gate>,
    deflate: Option<&Deflate>,
) -> Router {
    let clients = figures.clients();
    let transfers = clients.account("transfers", clients.limit() / 8 * 5);
    let budget =
        BudgetLayer::new(&transfers).base_len(REQUEST_LEN).max_body(0).name_with(account_name);
    let client_limit = client_limit(clients.limit());
    let uploads = uploads(inbox, budget.clone());
    let files = get(download).with_state(root).route_layer(budget.max_request(client_limit));
    let echoes = Echo::new(&transfers, client_limit / 2, figures, deflate);
    let uploads = uploads.merge(files.clone()); // a stored file can be read, if the root has it
    let files = files.fallback(reply::only_get);
    let panel = gate.map(|gate| Panel::new(gate, figures));
    panel
        .map_or_else(Router::new, |panel| shown(&panel, &files))
        .route("/ws", get(echo).connect(echo).with_state(echoes).fallback(reply::only_get))
        .route("/up/", uploads.clone())
        .route("/up/{*name}", uploads)
        .fallback_service(files)
        .layer(map_request(LingeringBody::wrap))
        .layer(from_fn_with_state(figures.clone(), tally::requests))
        .layer(from_fn(log::requests))
}

/// The routes that show the server's state. The page takes the place of the root's listing.
fn shown(panel: &Panel, files: &MethodRouter) -> Router {
    let front = get(front).with_state((panel.page(), files.clone()));
    Router::new()
        .route("/", front.fallback(reply::only_get))
        .route("/-/pool", panel.json())
        .route("/feed", panel.feed())
        .route("/metrics", panel.prometheus())
}

fn uploads(inbox: Option<Inbox>, budget: BudgetLayer) -> MethodRouter {
    match inbox {
        Some(inbox) => {
            put(upload).with_state(inbox).route_layer(budget).fallback(reply::only_get_and_put)
        }
        None => put(async || reply::not_found()).fallback(reply::only_get),
    }
}

/// An eighth of the budget, so that no client can take all of it. At least as much as a file needs
/// to flow: a block on its way out, a block that is being read, and a page.
fn client_limit(budget: usize) -> usize {
    (budget / 8).max((2 * 64 + 20) << 10)
}

/// Names the account of a request after its path.
fn account_name(_method: &Method, uri: &Uri, _headers: &HeaderMap) -> Cow<'static, str> {
    // A client writes it. So it is short, because it stays on the heap, and it is escaped, so that
    // it cannot move the cursor of a terminal.
    let path = uri.path().chars().take(NAME_CHARS_MAX).flat_map(char::escape_debug);
    path.collect::<String>().into()
}

/// The page, or with `?files` the listing of the root.
async fn front(
    State((page, files)): State<(MethodRouter, MethodRouter)>,
    request: Request,
) -> Response {
    let mut asked = if asks_for_files(request.uri()) { files } else { page };
    asked.call(request).await.unwrap_or_else(|never| match never {})
}

fn asks_for_files(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| {
        query.split('&').any(|field| field == "files" || field.starts_with("files="))
    })
}
