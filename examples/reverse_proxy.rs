//! A reverse proxy. The bodies that it holds are in leased memory, however many clients read
//! slowly.
//!
//! ```text
//! python3 -m http.server 9000 &                               # some server to stand in front of
//! cargo run --release --example reverse_proxy -- 127.0.0.1:9000
//! curl http://127.0.0.1:7003/                                  # through the proxy
//! ```
//!
//! A body is read into blocks of its connection's account and passed on as chains, both ways. A
//! client that does not read fills its account, and then its upstream waits: no other client pays.

use std::time::Duration;

use anyhow::Context;
use axum::http::{
    HeaderMap, HeaderName, Request, Response, StatusCode, Uri, Version, header,
    uri::{Authority, Scheme},
};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
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

/// The limit of one connection's account, for both ways together.
const CONNECTION_LIMIT: usize = 256 << 10;

/// How much of a response hyper may have read and not given out; it is outside the account.
const UPSTREAM_BUFFER: usize = 16 << 10;

/// The bodies that the proxy sends: a body that is passed on, or a text of its own.
type Body = Either<LeasedBody<Incoming>, Full<Chain>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let upstream = std::env::args().nth(1).context("usage: reverse_proxy HOST:PORT")?;
    let upstream: Authority =
        upstream.parse().with_context(|| format!("{upstream} is no HOST:PORT"))?;
    let pool = Pool::new(256 << 20)?;
    tokio::spawn(pool.maintain());
    let client = Client::builder(TokioExecutor::new())
        .http1_max_buf_size(UPSTREAM_BUFFER)
        .pool_idle_timeout(Duration::from_secs(30))
        .build_http();
    let proxy = service_fn(move |request| forward(client.clone(), upstream.clone(), request));

    let address = "127.0.0.1:7003";
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on http://{address}");
    serve(listener, proxy).pool(&pool, CONNECTION_LIMIT).max_unsent(128 << 10).await?;
    Ok(())
}

/// Passes a request on, and its response back. An upstream that cannot be reached is a 502.
async fn forward(
    client: Client<HttpConnector, LeasedBody<RequestBody>>,
    upstream: Authority,
    request: Request<RequestBody>,
) -> anyhow::Result<Response<Body>> {
    let account = request.extensions().get::<Account>().context("served with a pool")?.clone();
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| "/".parse().expect("a path"));
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(upstream).path_and_query(path);
    remove_hop_by_hop(&mut head.headers);
    head.headers.remove(header::HOST); // the client sets the upstream's
    let mut onward = Request::builder().method(head.method).uri(uri.build()?);
    *onward.headers_mut().context("a valid request")? = head.headers;
    let onward = onward.body(LeasedBody::new(body, &account))?;

    Ok(match client.request(onward).await {
        Ok(response) => {
            let mut response = response.map(|body| Either::Left(LeasedBody::new(body, &account)));
            remove_hop_by_hop(response.headers_mut());
            *response.version_mut() = Version::HTTP_11; // the proxy's own, not the upstream's
            response
        }
        Err(error) => {
            eprintln!("reverse_proxy: {error:#}: {:?}", std::error::Error::source(&error));
            let text = Chain::from("the server behind this proxy cannot be reached\n");
            let mut response = Response::new(Either::Right(Full::new(text)));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}

/// RFC 9110 §7.6.1: headers for one connection are not passed on, nor headers that `Connection`
/// names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ] {
        headers.remove(name);
    }
}
