//! `Answer`: a server's response, as far as it has come.
//!
//! # Invariants
//! - BOUNDED: heads of more than `max_head` bytes together are not read on, nor bodies of more than
//!   `BODY_MAX`, whatever they announce.

use std::io;

use ::http::{HeaderName, HeaderValue, Response, StatusCode, Version, header};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{connect_error::ConnectError, fields::has_element};

/// What is kept of the body of a refusal: pages of text. Who wants more asks as a client of HTTP.
const BODY_MAX: usize = 16 << 10;

/// As hyper's.
const HEADERS_MAX: usize = 100;

/// What is read at once.
const READ_LEN: usize = 4 << 10;

#[derive(Debug)]
pub(in crate::ws) struct Answer {
    /// What has come behind the heads that were read.
    bytes: BytesMut,
    /// How long heads may yet be.
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

    /// Whether there is a head, of a status other than 101.
    pub(in crate::ws) fn is_refusal(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.status() != StatusCode::SWITCHING_PROTOCOLS)
    }

    /// The head, and what came behind it.
    ///
    /// # Panics
    /// Before it was read.
    pub(in crate::ws) fn into_parts(self) -> (Response<()>, Bytes) {
        (self.head.expect("the head was read"), self.bytes.freeze())
    }

    /// The response with what has come of its body.
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
    /// Resumable: what has come stays here.
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
            // Nothing comes at the end, and when there is no room for more.
            if !matches!(self.read_more(io, BODY_MAX).await, Ok(1..)) {
                break;
            }
        }
        Ok(())
    }

    /// Reads until there are `most` bytes at most.
    async fn read_more<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        most: usize,
    ) -> io::Result<usize> {
        let room = most.saturating_sub(self.bytes.len()).min(READ_LEN);
        self.bytes.reserve(room);
        io.read_buf(&mut (&mut self.bytes).limit(room)).await
    }

    /// Takes the head off, if it is whole.
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
            // RFC 9110 §15.2: other responses of 1xx come before the one that counts.
            if head.status().is_informational() && head.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                continue;
            }
            self.head = Some(head);
            return Ok(true);
        }
    }

    /// Whether the body of a refusal is whole.
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

/// What is in chunks, as far as they have come, and whether no more is to come.
fn dechunk(mut chunks: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let (at, len) = match httparse::parse_chunk_size(chunks) {
            // The trailers are nobody's concern; nor is what follows a broken chunk.
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
