//! `Agreed`: the terms that both ends of a connection have agreed on.

use ::http::{HeaderValue, Response, StatusCode, header};

use super::key::Key;
use crate::{
    http::BytesBody,
    ws::{PerMessage, socket::config::Config},
};

/// The outcome of a handshake. A server makes its response of it.
#[derive(Debug, Default)]
pub(in crate::ws) struct Agreed {
    /// One of the values that the client has sent.
    pub(in crate::ws) protocol: Option<HeaderValue>,
    /// The extension that the socket is made with (RFC 6455 §9).
    pub(in crate::ws) per_message: PerMessage,
}

impl Agreed {
    pub(in crate::ws) fn protocol(&self) -> Option<&str> {
        self.protocol.as_ref().and_then(|protocol| protocol.to_str().ok())
    }

    /// Makes the response of a server with these settings (RFC 6455 §4.2.2). `extensions` are
    /// the lines of the client's extensions; the response has those that the server accepts. A
    /// request without a key came on HTTP/2.
    pub(in crate::ws) fn answer(
        self,
        key: Option<Key>,
        extensions: &[HeaderValue],
        config: &Config,
    ) -> (Self, Response<BytesBody>) {
        let (per_message, extensions) = PerMessage::agree(config, extensions);
        let mut response = Response::new(BytesBody::empty());
        // RFC 8441 §5: a 2xx grants a CONNECT. It has no Upgrade, Connection and
        // Sec-WebSocket-Accept.
        if let Some(key) = key {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key.accept());
        }
        let headers = response.headers_mut();
        if let Some(protocol) = &self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
        }
        if let Some(extensions) = extensions {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, extensions);
        }
        (Self { per_message, ..self }, response)
    }
}
