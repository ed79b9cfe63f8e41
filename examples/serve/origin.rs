//! Which pages may open a socket.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header::ORIGIN},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::gate::host;

/// RFC 6455 §10.2: a browser lets a page of any site open a socket to here and read it, unlike what
/// it fetches; but it names the site in the Origin header. Who sends none is no browser.
pub async fn only_own(request: Request, next: Next) -> Response {
    match is_own(request.uri(), request.headers()) {
        true => next.run(request).await,
        false => {
            (StatusCode::FORBIDDEN, "a page of another site gets no figures\n").into_response()
        }
    }
}

/// Whether the page that asks, if it is one, came from the host that it asks.
fn is_own(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(ORIGIN).iter();
    let Some(origin) = named.next() else { return true };
    let origin = origin.to_str().unwrap_or_default();
    // Behind a proxy that speaks TLS it is https.
    let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let own = host(uri, headers);
    named.next().is_none()
        && site.zip(own).is_some_and(|(site, own)| site.eq_ignore_ascii_case(own))
}
