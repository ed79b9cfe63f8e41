//! `Target`: the host and port of a client's URI (RFC 6455 §3).

use ::http::Uri;

use super::connect_error::ConnectError;

/// A host and a port to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) struct Target<'a> {
    pub(in crate::ws) host: &'a str,
    pub(in crate::ws) port: u16,
}

impl<'a> Target<'a> {
    /// The target of a `ws://` URI.
    pub(in crate::ws) fn of(uri: &'a Uri) -> Result<Self, ConnectError> {
        match scheme_of(uri).as_deref() {
            Some("ws") => {}
            Some("wss") => return Err(ConnectError::tls()),
            _ => return Err(ConnectError::request("its URI is not of ws://")),
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(ConnectError::request("its URI has no host"));
        }
        // An IPv6 address is connected to without its brackets.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Self { host, port: uri.port_u16().unwrap_or(80) })
    }
}

/// The Host header for a URI: its host, and its port unless that is the scheme's default (RFC 6455
/// §4.1).
pub(in crate::ws) fn host_of(uri: &Uri) -> Option<String> {
    let host = uri.host().filter(|host| !host.is_empty())?;
    let default_port = match scheme_of(uri).as_deref() {
        Some("wss" | "https") => 443,
        _ => 80,
    };
    Some(match uri.port_u16().filter(|&port| port != default_port) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The scheme, in lower case (RFC 3986 §3.1).
fn scheme_of(uri: &Uri) -> Option<String> {
    uri.scheme_str().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("a URI")
    }

    #[test]
    fn a_uri_leads_to_its_host_and_port() {
        for (text, host, port) in [
            ("ws://here", "here", 80),
            ("ws://here:81/path?query", "here", 81),
            ("WS://me:secret@here/", "here", 80),
            ("ws://127.0.0.1:1", "127.0.0.1", 1),
            ("ws://[::1]:1", "::1", 1),
        ] {
            assert_eq!(Target::of(&uri(text)).expect("a target"), Target { host, port }, "{text}");
        }
    }

    #[test]
    fn what_is_not_ws_leads_nowhere() {
        for text in ["/path", "here:80", "http://here", "ftp://here", "*"] {
            let error = Target::of(&uri(text)).expect_err(text);
            assert!(error.is_request() && !error.needs_tls(), "{text}");
        }
        assert!(Target::of(&uri("wss://here")).expect_err("it needs TLS").needs_tls());
    }

    #[test]
    fn the_host_has_a_port_if_it_is_not_the_schemes_and_no_secrets() {
        for (text, host) in [
            ("ws://here/path", Some("here")),
            ("ws://here:80", Some("here")),
            ("ws://here:443", Some("here:443")),
            ("wss://here:443", Some("here")),
            ("wss://here:80", Some("here:80")),
            ("ws://me:secret@here:8080", Some("here:8080")),
            ("ws://[::1]:8080", Some("[::1]:8080")),
            ("/path", None),
        ] {
            assert_eq!(host_of(&uri(text)).as_deref(), host, "{text}");
        }
    }
}
