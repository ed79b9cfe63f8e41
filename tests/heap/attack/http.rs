//! A server of HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{Request, Response, StatusCode, service::service_fn};
use leasehold::{
    Account, Chain, ChainMut,
    http::{
        ChainBody, LeasedBody, ReaderBody, collect,
        serve::{BoxError, RequestBody, from_hyper, serve},
    },
};
use tokio::io::{AsyncReadExt, repeat};

use crate::attack::{
    MIB,
    neighbour::Exchange,
    site::{BUDGET, Site, UNSENT_MAX},
    wire::post,
};

/// Of each connection's account.
pub(crate) const ACCOUNT_MAX: usize = MIB;

/// What hyper holds of a connection that is awake, and is reserved for it.
pub(crate) const AWAKE: usize = 18 << 10;

/// The longest body that is taken.
pub(crate) const BODY_MAX: usize = 256 << 10;

/// What all downloads may have together: others need memory, too.
pub(crate) const DOWNLOADS_MAX: usize = BUDGET / 4;

/// How long a head may take, and how long a peer may stop reading its response or sending its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    pub(crate) head: Duration,
    pub(crate) stall: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { head: Duration::from_secs(1), stall: Duration::from_secs(1) }
    }
}

pub(crate) fn site(deadlines: Deadlines) -> Site {
    let exchange = Exchange::echo(|payload| {
        [post("/echo", &format!("Content-Length: {}", payload.len())), payload.to_vec()].concat()
    });
    Site::start(exchange, async move |listener, all| {
        let downloads = all.account("downloads", DOWNLOADS_MAX);
        let service = service_fn(move |request| answer(request, downloads.clone()));
        let server =
            serve(listener, from_hyper(service)).pool(&all, ACCOUNT_MAX).max_unsent(UNSENT_MAX);
        let server = server.linger(Duration::ZERO);
        let server = server.header_timeout(deadlines.head).stall_timeout(deadlines.stall);
        let connections = server.connections();
        let open: Arc<dyn Fn() -> usize + Send + Sync> = Arc::new(move || connections.open());
        let server = server.into_future();
        (async { drop(server.await) }, open)
    })
}

type Answer = Response<UnsyncBoxBody<Chain, BoxError>>;

async fn answer(request: Request<RequestBody>, downloads: Account) -> Result<Answer, Infallible> {
    let account = request.extensions().get::<Account>().expect("an account").clone();
    let (head, body) = request.into_parts();
    Ok(match head.uri.path() {
        "/echo" => {
            heard(collect(body, &account, BODY_MAX).await.map_err(|error| error.is_too_long()))
        }
        "/unlimited" => {
            // Refused by the account alone; what no `usize` can count, by the largest limit.
            heard(
                collect(body, &account, usize::MAX)
                    .await
                    .map_err(|error| error.is_lease() || error.is_too_long()),
            )
        }
        "/linked" => heard(linked(body, &account).await.map_err(|_| false)),
        "/download" => {
            let body = ReaderBody::sized(repeat(7).take(MIB as u64), MIB as u64, &downloads);
            Response::new(body.map_err(Into::into).boxed_unsync())
        }
        _ => heard(Ok(Bytes::from_static(b"hello").into())),
    })
}

/// Reads a body piece by piece into one chain, each piece as it comes.
async fn linked(body: RequestBody, account: &Account) -> Result<Chain, BoxError> {
    let (mut body, mut chain) = (LeasedBody::new(body, account), ChainMut::new(account));
    while let Some(piece) = body.next_chain().await {
        chain.append(piece?);
    }
    Ok(chain.freeze())
}

/// A body that was heard, or why it was not: it is too large, or it broke off.
fn heard(body: Result<Chain, bool>) -> Answer {
    let status = match body {
        Ok(_) => StatusCode::OK,
        Err(true) => StatusCode::PAYLOAD_TOO_LARGE,
        Err(false) => StatusCode::BAD_REQUEST,
    };
    let body = ChainBody::new(body.unwrap_or_default());
    let mut answer = Response::new(body.map_err(Into::into).boxed_unsync());
    *answer.status_mut() = status;
    answer
}
