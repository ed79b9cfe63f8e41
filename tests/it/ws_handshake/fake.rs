//! A server that answers as the test says.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::{JoinHandle, yield_now},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::ws_handshake::client::field;

/// What a server does once it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Ends,
    Stays,
}

/// A transport to a server that reads a request, and answers with the pieces that are made of it,
/// one after the other. Returns the request.
pub(crate) fn fake<F>(answer: F, then: Then) -> (DuplexStream, JoinHandle<String>)
where
    F: FnOnce(&str) -> Vec<Vec<u8>> + Send + 'static,
{
    let (near, mut far) = duplex(1 << 10);
    let server = tokio::spawn(async move {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            let Ok(byte) = far.read_u8().await else {
                return request; // it was given up
            };
            request.push(byte.into());
        }
        for piece in answer(&request) {
            if far.write_all(&piece).await.is_err() {
                return request; // the client has heard enough
            }
            for _ in 0..5 {
                yield_now().await;
            }
        }
        if then == Then::Stays {
            // Until the client ends it.
            while let Ok(1..) = far.read(&mut [0; 100]).await {}
        }
        request
    });
    (near, server)
}

/// The lines of a response that consents.
pub(crate) fn consent(request: &str) -> [String; 4] {
    let key = field(request, "sec-websocket-key").expect("a key");
    [
        "HTTP/1.1 101 Switching Protocols".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Connection: Upgrade".to_owned(),
        format!("Sec-WebSocket-Accept: {}", derive_accept_key(key.as_bytes())),
    ]
}
