//! Proxies: a router that passes requests on, and a tunnel behind CONNECT.

use std::{convert::Infallible, future::IntoFuture, net::SocketAddr};

use axum::{
    Router, ServiceExt,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{client::conn::http1, upgrade};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, split},
    net::{TcpListener, TcpStream},
};
use tower::{ServiceExt as _, service_fn};

use super::site::everywhere;

/// A site behind the proxy, of which only the proxy knows.
async fn backend() -> SocketAddr {
    let app = Router::new()
        .route("/hello", get(async |uri: Uri| ([("x-behind", "yes")], format!("hello at {uri}"))))
        .route("/echo", post(async |body: Bytes| body));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// Passes a request on, body and all, as it comes.
async fn pass_on(State(backend): State<SocketAddr>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().expect("a path");
    let passed = async {
        let stream = TcpStream::connect(backend).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        sender.send_request(request).await.ok()
    };
    match passed.await {
        Some(response) => response.map(Body::new).into_response(),
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}

fn proxy_of(backend: SocketAddr) -> impl Fn() -> Router {
    move || Router::new().fallback(pass_on).with_state(backend)
}

#[tokio::test]
async fn a_router_passes_requests_on() {
    let backend = backend().await;
    let large = "0123456789abcdef".repeat(20_000);
    let seen = everywhere(proxy_of(backend), async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for (method, path, body) in [
            ("GET", "/hello?x=1", ""),
            ("POST", "/echo", &*large),
            ("GET", "/none", ""),
            ("POST", "/echo", "small"),
        ] {
            seen.push(visitor.ask(method, path, body).await);
            site.rest().await;
        }
        seen
    })
    .await;
    let statuses: Vec<_> = seen.iter().map(|seen| seen.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 404, 200]);
    let hello = (&*seen[0].body, seen[0].header("x-behind"));
    assert_eq!(hello, ("hello at /hello?x=1", Some("yes")));
    assert!(seen[1].body == large, "the body comes back whole");
    assert_eq!(seen[3].body, "small");
}

#[tokio::test]
async fn a_site_that_is_gone_is_a_bad_gateway() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let seen = everywhere(proxy_of(gone), async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.push(visitor.get("/hello").await.status.as_u16());
            site.rest().await;
        }
        // The proxy drops this body, so the connection is parked after the next request.
        seen.push(visitor.ask("POST", "/echo", "small").await.status.as_u16());
        seen.push(visitor.get("/hello").await.status.as_u16());
        site.rest().await;
        seen
    })
    .await;
    assert_eq!(seen, [502; 4]);
}

/// Opens a tunnel to the host that a CONNECT names.
async fn tunnel(request: Request) -> Response {
    let Some(host) = request.uri().authority().map(ToString::to_string) else {
        return (StatusCode::BAD_REQUEST, "CONNECT names a host").into_response();
    };
    let Ok(mut host) = TcpStream::connect(host).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade::on(request).await {
            let _ = copy_bidirectional(&mut TokioIo::new(upgraded), &mut host).await;
        }
    });
    Response::default()
}

/// A host that echoes until its client has no more to say, and then says goodbye.
async fn echoing_host() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = split(stream);
                copy(&mut read, &mut write).await.expect("an echo");
                write.write_all(b"goodbye").await.expect("it listens still");
                write.shutdown().await.expect("an end");
            });
        }
    });
    address
}

#[tokio::test]
async fn a_tunnel_is_opened_by_connect() {
    let host = echoing_host().await;
    let app = || {
        let router = Router::new().route("/", get(async || "no tunnel"));
        let app = service_fn(move |request: Request| {
            let router = router.clone();
            async move {
                match *request.method() {
                    Method::CONNECT => Ok::<_, Infallible>(tunnel(request).await),
                    _ => router.oneshot(request).await,
                }
            }
        });
        ServiceExt::<Request>::into_make_service(app)
    };
    let large = "0123456789abcdef".repeat(20_000);
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        // First a request that is none, so that the connection was parked before it is a tunnel.
        let plain = visitor.get("/").await;
        site.rest().await;
        let request = Request::connect(host.to_string()).header("host", host.to_string());
        let response = visitor.send(request.body(Full::default()).expect("a request")).await;
        let status = response.status().as_u16();
        let tunnel = TokioIo::new(upgrade::on(response).await.expect("a tunnel"));
        let (mut read, mut write) = split(tunnel);
        let said = async {
            write.write_all(large.as_bytes()).await.expect("it takes it");
            write.shutdown().await.expect("an end");
        };
        let mut heard = String::new();
        let (count, ()) = tokio::join!(read.read_to_string(&mut heard), said);
        count.expect("an end in order");
        (plain, status, heard)
    })
    .await;
    assert_eq!((&*seen.0.body, seen.1), ("no tunnel", 200));
    assert!(seen.2 == large.clone() + "goodbye", "{} bytes came", seen.2.len());
}
