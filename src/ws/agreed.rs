//! `Agreed`: what both ends of a connection have agreed on.

use ::http::{HeaderValue, Response, StatusCode, header};

use super::key::Key;
use crate::http::BytesBody;

/// What a handshake has come to, and the place where a server says so.
///
/// Extensions belong here too (RFC 6455 §9): what was agreed of them is one more field, which [`response`](Self::response) tells the client,
/// and which the socket is made with. There are none yet.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    /// A value that the client has sent.
    pub(super) protocol: Option<HeaderValue>,
}

impl Agreed {
    pub(super) fn protocol(&self) -> Option<&str> {
        self.protocol.as_ref().and_then(|protocol| protocol.to_str().ok())
    }

    /// The response of a server (RFC 6455 §4.2.2).
    pub(super) fn response(&self, key: Key) -> Response<BytesBody> {
        let mut response = Response::new(BytesBody::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key.accept());
        if let Some(protocol) = &self.protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
        }
        response
    }
}
