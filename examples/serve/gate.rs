//! Which requests may see the figures.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Uri, header};

/// Names of accounts tell what clients send and fetch. So only this machine may see the figures,
/// unless `--public` was given.
///
/// Browsers on this machine show pages of other sites too. Such a page cannot read what it fetches
/// from here. But if the site's own name is made to lead here (DNS rebinding), the browser takes
/// this server for that site. The page cannot hide the name: it is in the Host header.
pub enum Gate {
    /// For everybody, under any name.
    Public,
    /// For requests that name one of these hosts.
    Local { hosts: Vec<String> },
}

impl Gate {
    /// The gate of a server that listens on this address; none if other machines can reach it.
    pub fn at(address: SocketAddr) -> Option<Self> {
        if !address.ip().to_canonical().is_loopback() {
            return None;
        }
        let port = address.port();
        let mut hosts = vec![
            address.to_string(),
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
        ];
        // RFC 9110 §4.2.1: a port that is left out is 80.
        let bare: Vec<String> =
            hosts.iter().filter_map(|host| host.strip_suffix(":80")).map(str::to_owned).collect();
        hosts.extend(bare);
        Some(Self::Local { hosts })
    }

    /// Whether a request may see the figures.
    pub fn admits(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        match self {
            Self::Public => true,
            Self::Local { hosts } => host(uri, headers)
                .is_some_and(|host| hosts.iter().any(|own| own.eq_ignore_ascii_case(host))),
        }
    }
}

/// The host that a request names; none if it names several.
pub fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    // RFC 9112 §3.2.2: a host in the target counts, and not the header. HTTP/2 has no such header.
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut named = headers.get_all(header::HOST).iter();
    let host = named.next()?.to_str().ok()?;
    named.next().is_none().then_some(host)
}
