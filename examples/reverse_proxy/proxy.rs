//! `Proxy`: passes requests on to one upstream, and its responses back.

use std::{error::Error, io, sync::Arc, time::Duration};

use axum::http::{
    self, HeaderMap, Request, Response, StatusCode, Uri, Version, header,
    uri::{Authority, Scheme},
};
use http_body_util::Either::{self, Left, Right};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Builder, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use leasehold::{
    Account, Chain, Pool,
    http::{
        LeasedBody,
        serve::{RequestBody, serve},
    },
};
use tokio::net::TcpListener;
use tower::service_fn;

type BoxError = Box<dyn Error + Send + Sync>;

/// The limit of one connection's account, for both ways together.
const CONNECTION_LIMIT: usize = 256 << 10;

/// How much of one body is on its way. A client that does not read holds this, and no more.
const AHEAD: usize = 64 << 10;

/// The length of hyper's buffers for an upstream. Several of them may be full for one client that does
/// not read, and they are outside the account.
const UPSTREAM_BUFFER: usize = 16 << 10;

/// RFC 9110 §7.6.1: headers that are for one connection, and are not passed on.
const HOP_BY_HOP: &str = "connection, keep-alive, proxy-authenticate, proxy-authorization, \
                          proxy-connection, te, trailer, transfer-encoding, upgrade";

/// Serves what connects, until the process ends. Bodies are in the memory of `pool`.
pub(crate) async fn run(listener: TcpListener, upstream: Authority, pool: &Pool) -> io::Result<()> {
    let proxy = Arc::new(Proxy::new(&client(), upstream));
    let service = service_fn(move |request: Request<RequestBody>| {
        let proxy = Arc::clone(&proxy);
        async move {
            let account = request.extensions().get::<Account>().cloned();
            let account = account.ok_or("served without a pool")?;
            let onward = request.map(|body| LeasedBody::new(body, &account).max_ahead(AHEAD));
            Ok::<_, BoxError>(proxy.forward(onward).await?.map(|body| match body {
                Left(body) => Left(LeasedBody::new(body, &account).max_ahead(AHEAD)),
                Right(text) => Right(Chain::from(text)),
            }))
        }
    });
    serve(listener, service).pool(pool, CONNECTION_LIMIT).max_unsent(128 << 10).await.map(drop)
}

/// The settings of hyper's client.
pub(crate) fn client() -> Builder {
    let mut client = Client::builder(TokioExecutor::new());
    client.http1_max_buf_size(UPSTREAM_BUFFER).pool_idle_timeout(Duration::from_secs(30));
    client
}

/// One upstream, to which requests with bodies of one type are passed on.
pub(crate) struct Proxy<B> {
    client: Client<HttpConnector, B>,
    upstream: Authority,
}

impl<B> Proxy<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    pub(crate) fn new(client: &Builder, upstream: Authority) -> Self {
        Self { client: client.build_http(), upstream }
    }

    /// Passes a request on. An upstream that cannot be reached is a 502, with a text of the
    /// proxy's own.
    pub(crate) async fn forward(
        &self,
        request: Request<B>,
    ) -> http::Result<Response<Either<Incoming, &'static str>>> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.upstream.clone());
        let uri = uri.path_and_query(path).build()?;
        remove_hop_by_hop(&mut head.headers);
        head.headers.remove(header::HOST); // the client sets the upstream's
        let mut onward = Request::new(body);
        (*onward.method_mut(), *onward.uri_mut()) = (head.method, uri);
        *onward.headers_mut() = head.headers;

        Ok(match self.client.request(onward).await {
            Ok(mut response) => {
                remove_hop_by_hop(response.headers_mut());
                *response.version_mut() = Version::HTTP_11; // the proxy's own, not the upstream's
                response.map(Left)
            }
            Err(error) => {
                eprintln!("reverse_proxy: {error:#}: {:?}", error.source());
                let text = "the server behind this proxy cannot be reached\n";
                let mut response = Response::new(Right(text));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        })
    }
}

/// Removes what is for one connection: the headers above, and those that `Connection` names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<_> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    for names in named.iter().filter_map(|value| value.to_str().ok()).chain([HOP_BY_HOP]) {
        for name in names.split(',') {
            headers.remove(name.trim());
        }
    }
}
