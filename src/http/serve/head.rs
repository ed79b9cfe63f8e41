//! What the first bytes of a request tell, before hyper has them.

/// RFC 9113 §3.4: the first bytes of an HTTP/2 client.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest head that is waited for here, in bytes; hyper reads longer ones. Most heads of
/// browsers are below 2 KiB.
pub(super) const HEAD_LEN: usize = 4 << 10;

/// How much of a request's rest is looked for in the kernel.
const LEFT_MAX: usize = 1 << 10;

/// hyper's own limit.
const HEADERS_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The rest is still to come.
    More,
    /// The head goes to hyper: it is whole, or so broken that hyper will refuse it.
    Whole(Protocol),
}

impl Protocol {
    /// How much hyper holds for a connection, measured after a small request: 18,229 bytes for
    /// HTTP/1, 35,969 for HTTP/2.
    pub(super) const fn awake_len(self) -> usize {
        match self {
            Self::Http1 => 18 << 10,
            Self::Http2 => 36 << 10,
        }
    }
}

pub(super) fn judge(head: &[u8], may_be_http2: bool) -> Verdict {
    if may_be_http2 && head.starts_with(PREFACE) {
        return Verdict::Whole(Protocol::Http2);
    }
    if head.is_empty() || (may_be_http2 && PREFACE.starts_with(head)) {
        return Verdict::More;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::Request::new(&mut headers).parse(head) {
        Ok(httparse::Status::Partial) => Verdict::More,
        Ok(httparse::Status::Complete(_)) | Err(_) => Verdict::Whole(Protocol::Http1),
    }
}

/// How many bytes are missing of the request that begins with `head`. None if that is many, or if
/// `head` has bytes of the next request.
pub(super) fn left_of_request(head: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head_len)) = request.parse(head) else { return None };
    let mut body_len = 0;
    for line in &*request.headers {
        if line.name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
        if line.name.eq_ignore_ascii_case("content-length") {
            body_len = str::from_utf8(line.value).ok()?.parse().ok()?;
        }
    }
    head_len.checked_add(body_len)?.checked_sub(head.len()).filter(|&left| left < LEFT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_whole_with_its_empty_line_and_not_before() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: here\r\n\r\n";
        for len in 0..head.len() {
            assert_eq!(judge(&head[..len], true), Verdict::More, "{len} bytes");
        }
        assert_eq!(judge(head, true), Verdict::Whole(Protocol::Http1));
        assert_eq!(
            judge(&[head, &b"and a body"[..]].concat(), true),
            Verdict::Whole(Protocol::Http1)
        );
    }

    #[test]
    fn the_preface_of_http2_is_told_from_a_head_of_http1() {
        for len in 0..PREFACE.len() {
            assert_eq!(judge(&PREFACE[..len], true), Verdict::More, "{len} bytes");
        }
        assert_eq!(judge(PREFACE, true), Verdict::Whole(Protocol::Http2));
        assert_eq!(judge(PREFACE, false), Verdict::Whole(Protocol::Http1));
        assert_eq!(judge(b"PRI / HTTP/1.1\r\n", true), Verdict::More);
    }

    #[test]
    fn what_is_broken_is_not_waited_for() {
        for broken in [
            &b"\0"[..],
            b"hello, is this a server?\r\n",
            b"GET / HTTP/3.0\r\n",
            b"GET / HTTP/1.1\r\n: \r\n",
        ] {
            assert_eq!(judge(broken, true), Verdict::Whole(Protocol::Http1));
        }
    }
}
