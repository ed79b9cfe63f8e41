//! What stands around a router: rewritten addresses, one service shared by all connections.

use std::{
    convert::Infallible,
    net::SocketAddr,
    task::{Context, Poll},
};

use axum::{
    Router, ServiceExt,
    body::Body,
    extract::{ConnectInfo, Request},
    http::Uri,
    response::Response,
    routing::get,
};
use tower::{Layer, Service, layer::layer_fn, make::Shared, service_fn};

use super::site::everywhere;

/// Takes the slashes off the end of a path before the routes are looked at, so it must stand around
/// the router.
#[derive(Clone)]
struct NormalizesPath<S>(S);

impl<S: Service<Request>> Service<Request> for NormalizesPath<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        let path = request.uri().path().trim_end_matches('/');
        let uri: Uri = format!("{path}/").trim_end_matches('/').parse().unwrap_or_default();
        *request.uri_mut() = uri;
        self.0.call(request)
    }
}

fn greetings() -> Router {
    Router::new()
        .route("/", get(async || "root"))
        .route("/hello", get(async |uri: Uri| format!("hello from {uri}")))
}

#[tokio::test]
async fn a_path_is_normalized_before_the_routes_are_looked_at() {
    let app =
        || ServiceExt::<Request>::into_make_service(layer_fn(NormalizesPath).layer(greetings()));
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for path in ["/hello", "/hello/", "/hello//", "/", "//hello"] {
            seen.push(visitor.get(path).await);
            site.rest().await;
        }
        seen
    })
    .await;
    let seen: Vec<_> = seen.iter().map(|seen| (seen.status.as_u16(), &*seen.body)).collect();
    let hello = (200, "hello from /hello");
    assert_eq!(seen, [hello, hello, hello, (200, "root"), (404, "")]);
}

#[tokio::test]
async fn the_client_is_known_behind_a_layer_around_the_router() {
    let app = || {
        let router = Router::new().route(
            "/who",
            get(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()),
        );
        let app = layer_fn(NormalizesPath).layer(router);
        ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app)
    };
    everywhere(app, async |site| {
        let connection = site.connect().await;
        let own = connection.local_addr().expect("an address").to_string();
        let mut visitor = super::visitor::Visitor::new(connection).await;
        for _ in 0..3 {
            assert_eq!(visitor.get("/who/").await.body, own);
            site.rest().await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_service_is_shared_by_all_connections() {
    let app = || {
        Shared::new(service_fn(async |request: Request| {
            let said = format!("{} {}", request.method(), request.uri());
            Ok::<_, Infallible>(Response::new(Body::from(said)))
        }))
    };
    let seen = everywhere(app, async |site| {
        let (mut one, mut other) = (site.visitor().await, site.visitor().await);
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.push(one.get("/one").await.body);
            seen.push(other.get("/other?two").await.body);
            site.rest().await;
        }
        seen
    })
    .await;
    assert_eq!(seen, ["GET /one", "GET /other?two", "GET /one", "GET /other?two"]);
}
