//! Clients that begin with HTTP/2, without TLS.

use axum::{
    Router,
    http::{Request, Version},
    routing::{get, post},
};

use super::{site::everywhere, visitor::Visitor};

#[tokio::test]
async fn a_client_may_begin_with_http2() {
    let app = || {
        Router::new()
            .route(
                "/version",
                get(async |request: Request<axum::body::Body>| {
                    assert_eq!(request.version(), Version::HTTP_2);
                    format!("{:?} {}", request.version(), request.uri())
                }),
            )
            .route("/echo", post(async |body: String| body))
    };
    let seen = everywhere(app, async |site| {
        let mut visitor = Visitor::http2(site.connect().await).await;
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.push(visitor.get("/version").await);
            seen.push(visitor.ask("POST", "/echo", "hello").await);
            seen.push(visitor.get("/none").await);
        }
        // HTTP/1 goes on beside it.
        seen.push(site.visitor().await.ask("POST", "/echo", "hello").await);
        seen
    })
    .await;
    let seen: Vec<_> = seen.iter().map(|seen| (seen.status.as_u16(), &*seen.body)).collect();
    let round = [(200, "HTTP/2.0 http://here/version"), (200, "hello"), (404, "")];
    assert_eq!(seen[..3], round);
    assert_eq!(seen[3..6], round);
    assert_eq!(seen[6], (200, "hello"));
}
