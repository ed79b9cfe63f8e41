//! The HTTP server: bodies that are echoed, read and made, and sockets; its connections are parked
//! soon.

use std::{
    future::{IntoFuture, pending},
    io::Cursor,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use bytes::BufMut;
use leasehold::{
    Account, Chain,
    http::{
        BytesBody, LeasedBody, ReaderBody,
        serve::{Connections, serve},
    },
    layer::BudgetLayer,
    ws::{Hub, axum::WebSocketUpgrade},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    house::House,
    hub,
    order::OnPurpose,
    piece::{LEN_MAX, Piece},
    sockets,
};

/// A client that makes no progress for so long is cut. Guests that only pause come back sooner.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Runs until the house is closed and all requests are answered.
pub(crate) fn open(
    door: TcpListener,
    house: &Arc<House>,
    hub: &Hub,
) -> (Connections, JoinHandle<()>) {
    let stopped = {
        let house = Arc::clone(house);
        async move { house.stopped().await }
    };
    let server = serve(door, bodies(house).merge(upgrades(house, hub)))
        .pool(&house.accounts.http, 4 * LEN_MAX)
        .linger(Duration::from_millis(20))
        .stall_timeout(STALL_TIMEOUT)
        .header_timeout(Duration::from_secs(5))
        .max_unsent(128 << 10)
        .with_graceful_shutdown(stopped);
    let connections = server.connections();
    let server = server.into_future();
    let run = async { assert_eq!(server.await.expect("no error").cut(), 0) };
    (connections, tokio::spawn(run))
}

/// Requests within a budget.
fn bodies(house: &House) -> Router {
    let account = &house.accounts.http;
    Router::new()
        .route("/echo", post(async |body: Chain| -> Chain { body }))
        .route("/read/{at}", post(read))
        .route("/chain/{at}/{len}", get(chain))
        .route("/reader/{at}/{len}", get(reader))
        .route("/panic", post(async |_body: Chain| -> Chain { std::panic::panic_any(OnPurpose) }))
        .route("/hang", post(hang))
        .layer(BudgetLayer::new(account).max_request(4 * LEN_MAX))
}

/// Looks at a body as it comes, and says how long it was.
async fn read(Path(at): Path<usize>, mut body: LeasedBody<Body>) -> Response {
    let mut len = 0;
    while let Some(chain) = body.next_chain().await {
        match chain {
            Ok(chain) => {
                assert!(
                    Piece::found_at(at + len, chain.len()) == chain,
                    "other bytes come than were sent"
                );
                len += chain.len();
            }
            Err(error) if error.is_lease() => {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        }
    }
    len.to_string().into_response()
}

/// Out of blocks that are leased first.
async fn chain(
    Path((at, len)): Path<(usize, usize)>,
    Extension(account): Extension<Account>,
) -> Response {
    match account.chain(len).await {
        Ok(mut chain) => {
            chain.put_slice(Piece::found_at(at, len).as_bytes());
            Response::new(Body::new(BytesBody::new(chain)))
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Out of a reader, a few blocks ahead of the client.
async fn reader(
    Path((at, len)): Path<(usize, usize)>,
    Extension(account): Extension<Account>,
) -> Response {
    let reader = Cursor::new(Piece::found_at(at, len).as_bytes());
    Response::new(Body::new(ReaderBody::sized(reader, len as u64, &account).into_bytes_body()))
}

/// Until the client has had enough.
async fn hang(Extension(account): Extension<Account>, _body: Chain) -> Chain {
    let _block = account.try_lease(1);
    pending().await
}

fn upgrades(house: &Arc<House>, hub: &Hub) -> Router {
    let account = house.accounts.sockets.clone();
    let echo = |house: &Arc<House>, config| {
        let house = Arc::clone(house);
        any(async move |Path(guest): Path<SocketAddr>, upgrade: WebSocketUpgrade| -> Response {
            upgrade.config(config).on_upgrade(move |socket| sockets::serve(socket, guest, house))
        })
    };
    let (joined, hub) = (Arc::clone(house), hub.clone());
    let join = async move |Path(guest): Path<SocketAddr>, upgrade: WebSocketUpgrade| -> Response {
        upgrade.on_upgrade(move |socket| hub::serve(hub.join(socket), guest, joined))
    };
    Router::new()
        .route("/plain/{guest}", echo(house, Arc::clone(&house.plain)))
        .route("/deflated/{guest}", echo(house, Arc::clone(&house.deflated)))
        .route("/hub/{guest}", any(join))
        .with_state(account)
}
