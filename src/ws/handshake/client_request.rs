//! `ClientRequest`: the bytes of a client's request.

use ::http::{HeaderName, HeaderValue, Method, Request, header};

use super::{connect_error::ConnectError, key::Key, offer::Offer, target::host_of};

/// Headers that the handshake sets itself, or that it must not have: the request has no body.
const OURS: [HeaderName; 8] = [
    header::HOST,
    header::UPGRADE,
    header::CONNECTION,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The bytes of a request, and the offer that its answer is checked against.
#[derive(Debug)]
pub(in crate::ws) struct ClientRequest {
    pub(in crate::ws) head: Vec<u8>,
    pub(in crate::ws) offer: Offer,
}

impl ClientRequest {
    /// RFC 6455 §4.1.
    pub(in crate::ws) fn new(
        request: &Request<()>,
        extensions: Option<&HeaderValue>,
    ) -> Result<Self, ConnectError> {
        if request.method() != Method::GET {
            return Err(ConnectError::request("its method is not GET"));
        }
        let (uri, headers) = (request.uri(), request.headers());
        let path = uri.path_and_query().map_or("/".to_owned(), ToString::to_string);
        if !path.starts_with('/') {
            return Err(ConnectError::request("its URI has no path"));
        }
        let host = match headers.get(header::HOST) {
            Some(host) => host.as_bytes().to_owned(),
            None => host_of(uri).ok_or(ConnectError::request("it has no Host"))?.into_bytes(),
        };
        let key = Key::random();
        let mut head = Vec::new();
        for part in [b"GET ", path.as_bytes(), b" HTTP/1.1\r\n"] {
            head.extend_from_slice(part);
        }
        let mut put = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                head.extend_from_slice(part);
            }
        };
        put("Host", &host);
        put("Upgrade", b"websocket");
        put("Connection", b"Upgrade");
        put("Sec-WebSocket-Key", key.as_bytes());
        put("Sec-WebSocket-Version", b"13");
        extensions
            .iter()
            .for_each(|extensions| put("Sec-WebSocket-Extensions", extensions.as_bytes()));
        for (name, value) in headers.iter().filter(|(name, _)| !OURS.contains(name)) {
            put(name.as_str(), value.as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        Ok(Self { head, offer: Offer::new(Some(key), headers) })
    }
}
