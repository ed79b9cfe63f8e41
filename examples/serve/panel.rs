//! The server's view of itself: a page, and the figures as JSON, as a feed, and for Prometheus.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{Html, IntoResponse, Response},
    routing::{MethodRouter, get},
};

use crate::{
    feed::{Feed, feed},
    figures::Figures,
    gate::Gate,
    origin, policy, reply,
    scrape::scrape,
    status::status,
};

/// In a file of its own, where an editor knows that it is HTML.
const PAGE: &str = include_str!("page.html");

/// It answers without a block of the pool: it must be readable when the pool is exhausted.
pub struct Panel {
    figures: Arc<Figures>,
    guard: Arc<Guard>,
}

/// Guards all routes of the panel.
struct Guard {
    gate: Gate,
    policy: HeaderValue,
}

impl Panel {
    /// Makes the panel; it shows the figures to requests that the gate admits.
    pub fn new(gate: Gate, figures: &Arc<Figures>) -> Self {
        Self {
            figures: figures.clone(),
            guard: Arc::new(Guard { gate, policy: policy::of_page(PAGE) }),
        }
    }

    pub fn page(&self) -> MethodRouter {
        self.shown(get(async || Html(PAGE)))
    }

    pub fn json(&self) -> MethodRouter {
        self.shown(get(status))
    }

    pub fn feed(&self) -> MethodRouter {
        let asked = get(feed).connect(feed).route_layer(from_fn(origin::only_own));
        self.shown(asked.with_state(Feed::new(&self.figures)))
    }

    pub fn prometheus(&self) -> MethodRouter {
        self.shown(get(scrape))
    }

    fn shown(&self, asked: MethodRouter<Arc<Figures>>) -> MethodRouter {
        let guarded = asked.route_layer(from_fn_with_state(self.guard.clone(), guard));
        guarded.fallback(reply::only_get).with_state(self.figures.clone())
    }
}

async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut reply = match guard.gate.admits(request.uri(), request.headers()) {
        true => next.run(request).await,
        false => {
            (StatusCode::FORBIDDEN, "this is shown under the address that the server listens on\n")
                .into_response()
        }
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, guard.policy.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
