//! `Offer`: what a client asks for; both ends use it.

use std::borrow::Cow;

use ::http::{Extensions, HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use hyper::ext::Protocol;

use super::{
    agreed::Agreed,
    connect_error::ConnectError,
    fields::{elements, has_element, single},
    key::Key,
    upgrade_error::UpgradeError,
};

/// A request for a WebSocket that a server has checked, or that a client has sent.
#[derive(Debug)]
pub(in crate::ws) struct Offer {
    /// `None` on HTTP/2 (RFC 8441 §5).
    pub(in crate::ws) key: Option<Key>,
    /// The lines of its Sec-WebSocket-Protocol.
    protocols: Vec<HeaderValue>,
    /// The lines of its Sec-WebSocket-Extensions. A client has none here: its settings have them.
    pub(in crate::ws) extensions: Vec<HeaderValue>,
}

impl Offer {
    // ---- of a server ----------------------------------------------------------------------------

    /// Checks the head of a request, of any version of HTTP.
    pub(in crate::ws) fn of(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self, UpgradeError> {
        if version <= Version::HTTP_11 {
            return Self::of_get(method, version, headers);
        }
        let protocol = extensions.get::<Protocol>().map(Protocol::as_str);
        Self::of_connect(method, protocol, headers).map_err(UpgradeError::of_connect)
    }

    /// Checks a request of HTTP/1 (RFC 6455 §4.2.1).
    fn of_get(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Self, UpgradeError> {
        // RFC 6455 §4.2.1: a GET of HTTP/1.1 or higher. Higher versions have no upgrades.
        if method != Method::GET {
            return Err(UpgradeError::method());
        }
        if !has_element(headers, header::UPGRADE, "websocket") {
            return Err(UpgradeError::not_asked());
        }
        if version != Version::HTTP_11 {
            return Err(UpgradeError::bad("it is not of HTTP/1.1"));
        }
        if single(headers, header::HOST).is_none() {
            return Err(UpgradeError::bad("it has no Host, or several"));
        }
        if !has_element(headers, header::CONNECTION, "upgrade") {
            return Err(UpgradeError::bad("its Connection has no \"upgrade\""));
        }
        // This end would read a body as frames, and a proxy on the way would read it as a body.
        if has_body(headers) {
            return Err(UpgradeError::bad("it has a body"));
        }
        // RFC 6455 §4.4: the answer says which version the server speaks.
        if !is_version_13(headers) {
            return Err(UpgradeError::version());
        }
        let key = single(headers, header::SEC_WEBSOCKET_KEY).and_then(Key::parse);
        let key =
            key.ok_or(UpgradeError::bad("its Sec-WebSocket-Key is not 16 bytes of base64"))?;
        Ok(Self::new(Some(key), headers))
    }

    /// Checks a request of HTTP/2. That it has `:scheme`, `:path` and `:authority` was checked by
    /// HTTP.
    fn of_connect(
        method: &Method,
        protocol: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, UpgradeError> {
        if method == Method::GET {
            return Err(UpgradeError::not_asked());
        }
        // RFC 8441 §4: the method of an extended CONNECT is CONNECT.
        if method != Method::CONNECT {
            return Err(UpgradeError::method());
        }
        // RFC 8441 §5: `:protocol` stands for Upgrade. Without it, the client wants a plain tunnel.
        if !protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket")) {
            return Err(UpgradeError::bad("its :protocol is not \"websocket\""));
        }
        // The content of a CONNECT is the tunnel (RFC 9113 §8.5).
        if has_body(headers) {
            return Err(UpgradeError::bad("it has a body"));
        }
        // RFC 8441 §5: Sec-WebSocket-Version as in RFC 6455, no Sec-WebSocket-Key.
        if !is_version_13(headers) {
            return Err(UpgradeError::version());
        }
        Ok(Self::new(None, headers))
    }

    /// The subprotocols that the client speaks, the preferred one first.
    pub(in crate::ws) fn protocols(&self) -> impl Iterator<Item = &str> {
        elements(&self.protocols)
    }

    /// Chooses the first of the client's subprotocols that is known here (RFC 6455 §4.2.2). To find
    /// none is no failure.
    pub(in crate::ws) fn agree(&self, known: &[Cow<'static, str>]) -> Agreed {
        let protocol =
            self.protocols().find(|&protocol| known.iter().any(|known| known == protocol));
        let protocol =
            protocol.map(|name| HeaderValue::from_str(name).expect("it was in a header"));
        Agreed { protocol, ..Agreed::default() }
    }

    // ---- of a client ----------------------------------------------------------------------------

    /// The offer of a client's request with these headers.
    pub(in crate::ws) fn new(key: Option<Key>, headers: &HeaderMap) -> Self {
        let protocols = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
        let extensions =
            headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter().cloned().collect();
        Self { key, protocols, extensions }
    }

    /// Checks the response (RFC 6455 §4.1), except for its extensions.
    pub(in crate::ws) fn check(&self, response: &Response<()>) -> Result<(), ConnectError> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS
            || response.version() != Version::HTTP_11
        {
            return Err(ConnectError::broken("it is no 101 of HTTP/1.1"));
        }
        let is_websocket =
            |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
        if !single(headers, header::UPGRADE).is_some_and(is_websocket) {
            return Err(ConnectError::broken("its Upgrade is not \"websocket\""));
        }
        if !has_element(headers, header::CONNECTION, "upgrade") {
            return Err(ConnectError::broken("its Connection has no \"upgrade\""));
        }
        // A cache cannot give this answer: it depends on the key of this request.
        if single(headers, header::SEC_WEBSOCKET_ACCEPT) != self.key.map(Key::accept).as_ref() {
            return Err(ConnectError::broken("its Sec-WebSocket-Accept is not that of our key"));
        }
        if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
            let agreed = single(headers, header::SEC_WEBSOCKET_PROTOCOL);
            if !self.protocols().any(|protocol| agreed.is_some_and(|agreed| agreed == protocol)) {
                return Err(ConnectError::broken("it has a subprotocol that was not asked for"));
            }
        }
        Ok(())
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let has_length = headers.get_all(header::CONTENT_LENGTH).iter().any(|len| len != "0");
    has_length || headers.contains_key(header::TRANSFER_ENCODING)
}

fn is_version_13(headers: &HeaderMap) -> bool {
    single(headers, header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13")
}
