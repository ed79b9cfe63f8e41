//! `Answer`: a server's response while it arrives.
//!
//! # Invariants
//! - ANSWER-MAX: at most `max_head` bytes of heads and `BODY_MAX` bytes of a body are read,
//!   whatever length the server announces.

use std::{future::poll_fn, io, pin::Pin};

use ::http::{HeaderName, HeaderValue, Response, StatusCode, Version, header};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncRead;

use super::{connect_error::ConnectError, fields::has_element};
use crate::io::poll_read_buf;

/// How much of the body of a refusal is kept: pages of text. An HTTP client can fetch more.
const BODY_MAX: usize = 16 << 10;

/// As hyper's.
const HEADERS_MAX: usize = 100;

/// How much is read at once.
const READ_LEN: usize = 4 << 10;

#[derive(Debug)]
pub(in crate::ws) struct Answer {
    /// The bytes behind the heads that were read.
    bytes: BytesMut,
    /// How many more bytes of heads may come.
    head_left: usize,
    head: Option<Response<()>>,
}

/// How the end of a body is known (RFC 9112 §6.3).
enum Length {
    Bytes(u64),
    Chunks,
    UntilEnd,
}

impl Answer {
    pub(in crate::ws) fn new(max_head: usize) -> Self {
        Self { bytes: BytesMut::new(), head_left: max_head, head: None }
    }

    /// Whether the head has come, with a status other than 101.
    pub(in crate::ws) fn is_refusal(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.status() != StatusCode::SWITCHING_PROTOCOLS)
    }

    /// The head, and the bytes that came behind it.
    ///
    /// # Panics
    /// Before it was read.
    pub(in crate::ws) fn into_parts(self) -> (Response<()>, Bytes) {
        (self.head.expect("the head was read"), self.bytes.freeze())
    }

    /// The response, with the part of its body that has come.
    ///
    /// # Panics
    /// Before its head was read.
    pub(in crate::ws) fn into_refusal(self) -> Response<Bytes> {
        let (head, bytes) = self.into_parts();
        let body = match Length::of(&head) {
            Length::Bytes(len) => {
                bytes.slice(..bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX)))
            }
            Length::Chunks => dechunk(&bytes).0.into(),
            Length::UntilEnd => bytes,
        };
        head.map(|()| body)
    }

    /// Reads the response: the head, and the body of a refusal.
    ///
    /// # Errors
    /// The transport failed or ended before the head was whole, or the head is too long or not
    /// HTTP. A body that breaks off is no error.
    ///
    /// # Cancel safety
    /// Resumable: bytes that have come stay here.
    pub(in crate::ws) async fn read<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        max_head: usize,
    ) -> Result<(), ConnectError> {
        while self.head.is_none() && !self.parse_head()? {
            if self.bytes.len() >= self.head_left {
                return Err(ConnectError::long_head(max_head));
            }
            if self.read_more(io, self.head_left).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        while self.is_refusal() && !self.has_body() {
            // Ends the loop at the end of the stream, and when `BODY_MAX` bytes have come.
            if !matches!(self.read_more(io, BODY_MAX).await, Ok(1..)) {
                break;
            }
        }
        Ok(())
    }

    /// Reads some bytes, up to `most` in all.
    async fn read_more<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        most: usize,
    ) -> io::Result<usize> {
        let room = most.saturating_sub(self.bytes.len()).min(READ_LEN);
        self.bytes.reserve(room);
        let mut room = (&mut self.bytes).limit(room);
        poll_fn(|cx| poll_read_buf(Pin::new(&mut *io), cx, &mut room)).await
    }

    /// Takes the head off, if it has come whole.
    fn parse_head(&mut self) -> Result<bool, ConnectError> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut parsed = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(len) = parsed.parse(&self.bytes)? else {
                return Ok(false);
            };
            let head = to_response(&parsed)
                .map_err(|_| ConnectError::broken("its head is not well-formed"))?;
            self.bytes.advance(len);
            self.head_left = self.head_left.saturating_sub(len);
            // RFC 9110 §15.2: other responses of 1xx come before the final one.
            if head.status().is_informational() && head.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                continue;
            }
            self.head = Some(head);
            return Ok(true);
        }
    }

    /// Whether the body of a refusal has come whole.
    fn has_body(&self) -> bool {
        match self.head.as_ref().map(Length::of) {
            Some(Length::Bytes(len)) => self.bytes.len() as u64 >= len,
            Some(Length::Chunks) => dechunk(&self.bytes).1,
            Some(Length::UntilEnd) | None => false,
        }
    }
}

impl Length {
    fn of(head: &Response<()>) -> Self {
        if matches!(head.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Self::Bytes(0);
        }
        if has_element(head.headers(), header::TRANSFER_ENCODING, "chunked") {
            return Self::Chunks;
        }
        let announced = head
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|len| len.to_str().ok()?.parse().ok());
        announced.map_or(Self::UntilEnd, Self::Bytes)
    }
}

fn to_response(parsed: &httparse::Response<'_, '_>) -> Result<Response<()>, ::http::Error> {
    let mut response = Response::new(());
    *response.version_mut() =
        if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *response.status_mut() = StatusCode::from_u16(parsed.code.unwrap_or_default())?;
    for line in &*parsed.headers {
        let name = HeaderName::from_bytes(line.name.as_bytes())?;
        let value = HeaderValue::from_bytes(line.value)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// The bytes of the chunks that have come, and whether the last chunk is among them.
fn dechunk(mut chunks: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let (at, len) = match httparse::parse_chunk_size(chunks) {
            // Trailers are dropped, and so is everything behind a broken chunk.
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => return (body, true),
            Ok(httparse::Status::Complete((at, len))) => {
                (at, usize::try_from(len).unwrap_or(usize::MAX))
            }
            Ok(httparse::Status::Partial) => return (body, false),
        };
        let rest = &chunks[at..];
        body.extend_from_slice(&rest[..len.min(rest.len())]);
        let Some(next) = rest.get(len.saturating_add(b"\r\n".len())..) else {
            return (body, false);
        };
        chunks = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_apart_wherever_they_are_cut() {
        let chunks = b"5\r\nhello\r\n1;a=b\r\n,\r\n6\r\n world\r\n0\r\nchecksum: 1\r\n\r\n";
        for len in 0..=chunks.len() {
            let (body, is_whole) = dechunk(&chunks[..len]);
            assert!(b"hello, world".starts_with(&body[..]));
            assert_eq!(is_whole, len >= chunks.len() - b"checksum: 1\r\n\r\n".len(), "{len} bytes");
        }
        assert_eq!(dechunk(chunks), (b"hello, world".to_vec(), true));
        assert_eq!(dechunk(b"ffffffffffffffff\r\nx"), (b"x".to_vec(), false));
        assert_eq!(dechunk(b"1\r\nx\r\nno chunk"), (b"x".to_vec(), true));
    }
}
