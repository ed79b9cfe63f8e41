//! What peers send: requests, length-delimited frames and frames of WebSockets.

pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

/// First bytes of frames: FIN and an opcode (RFC 6455 §5.2).
pub(crate) const CONTINUATION: u8 = 0x00;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const BINARY_BEGUN: u8 = 0x02;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
pub(crate) const CLOSE: u8 = 0x88;

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").into_bytes()
}

/// The head of an upload, whose framing is `Content-Length: 5`, for example.
pub(crate) fn post(path: &str, framing: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: here\r\n{framing}\r\n\r\n").into_bytes()
}

/// A length-delimited frame.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes(), payload].concat()
}

/// A frame of a client; its key is zero, so that the payload is sent as it is.
pub(crate) fn ws_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ws_header(first, payload.len() as u64);
    bytes.extend_from_slice(payload);
    bytes
}

/// A header that announces so much.
pub(crate) fn ws_header(first: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(0x80 | len as u8),
        126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes
}

/// The code of the close frame that ends what a server has sent, if one does.
pub(crate) fn close_code(mut heard: &[u8]) -> Option<u16> {
    while let [first, len, rest @ ..] = heard {
        let (len, rest) = match (len, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (len, rest) => (usize::from(*len), rest),
        };
        if *first == CLOSE {
            return rest.first_chunk().map(|code| u16::from_be_bytes(*code));
        }
        heard = rest.get(len..)?;
    }
    None
}
