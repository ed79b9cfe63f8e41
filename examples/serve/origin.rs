//! Which pages may open a socket.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header::ORIGIN},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::gate::host;

/// RFC 6455 §10.2: a browser lets a page of any site open a socket to this server and read it, but
/// it names the site in the Origin header. A client that sends no Origin is no browser.
pub async fn only_own(request: Request, next: Next) -> Response {
    match is_own(request.uri(), request.headers()) {
        true => next.run(request).await,
        false => {
            (StatusCode::FORBIDDEN, "a page of another site gets no figures\n").into_response()
        }
    }
}

/// Whether the request comes from a page of this host, or from no page at all.
fn is_own(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(ORIGIN).iter();
    let Some(origin) = named.next() else { return true };
    let origin = origin.to_str().unwrap_or_default();
    // Behind a TLS proxy the scheme is https.
    let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let own = host(uri, headers);
    named.next().is_none()
        && site.zip(own).is_some_and(|(site, own)| site.eq_ignore_ascii_case(own))
}
