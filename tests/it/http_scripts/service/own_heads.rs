//! Responses whose service sets in the head what is the server's: lengths, encodings, versions.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Response, StatusCode, Version,
    body::Frame,
    ext::ReasonPhrase,
    http::{HeaderName, HeaderValue, header},
};

use super::{AnswerBody, failing, piece, streamed, whole};

/// Answers a request for `path`; `None` if it is not one of these.
///
/// | path | what the service sets |
/// |---|---|
/// | `/own-length` | the right length of a body of unknown length |
/// | `/own-length-short`, `/own-length-long` | a length that the body exceeds, or does not reach |
/// | `/own-length-empty` | a length, and no body: an answer to HEAD |
/// | `/own-length-whole`, `/own-length-zero` | the right length of a body of known length |
/// | `/own-empty` | nothing, and there is no body |
/// | `/own-chunks`, `/own-chunks-whole` | chunks, of a body of unknown and of known length |
/// | `/own-chunks-empty` | chunks, of a body of no bytes |
/// | `/own-chunks-and-length` | chunks and a length |
/// | `/own-encoding` | another encoding |
/// | `/own-date` | a date |
/// | `/own-version-1.0`, `/own-version-2` | the version of the response |
/// | `/own-100`, `/own-103` | a status that is no final one |
/// | `/own-204`, `/own-304` | a length where there is no body |
/// | `/own-204-body`, `/own-304-body` | a body where there is none |
/// | `/own-204-chunks`, `/own-304-chunks` | chunks where there is no body |
/// | `/own-reason` | the words behind the status |
/// | `/own-many` | more headers than a request may have |
/// | `/own-trailers` | trailers, of which it announces one, and one that may be none |
/// | `/own-length-fails` | a length, of a body that fails before it |
/// | `/own-keep-alive` | that the connection is kept |
pub(super) fn own_head(path: &str) -> Option<Response<AnswerBody>> {
    let pieces = || streamed(vec![piece("one "), piece("end\n")]);
    let chunked = HeaderValue::from_static("chunked");
    Some(match path {
        "/own-length" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(8)),
        "/own-length-short" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(6)),
        "/own-length-long" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(10)),
        "/own-length-empty" => with(empty(), header::CONTENT_LENGTH, HeaderValue::from(10)),
        "/own-length-whole" => with(
            whole(Bytes::from_static(b"whole\n")),
            header::CONTENT_LENGTH,
            HeaderValue::from(6),
        ),
        "/own-length-zero" => with(empty(), header::CONTENT_LENGTH, HeaderValue::from(0)),
        "/own-empty" => empty(),
        "/own-chunks-empty" => with(empty(), header::TRANSFER_ENCODING, chunked),
        "/own-chunks" => with(pieces(), header::TRANSFER_ENCODING, chunked),
        "/own-chunks-whole" => {
            with(whole(Bytes::from_static(b"whole\n")), header::TRANSFER_ENCODING, chunked)
        }
        "/own-chunks-and-length" => {
            let chunks = with(pieces(), header::TRANSFER_ENCODING, chunked);
            with(chunks, header::CONTENT_LENGTH, HeaderValue::from(8))
        }
        "/own-encoding" => {
            with(pieces(), header::TRANSFER_ENCODING, HeaderValue::from_static("gzip"))
        }
        "/own-date" => {
            let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
            with(pieces(), header::DATE, date)
        }
        "/own-version-1.0" => version(pieces(), Version::HTTP_10),
        "/own-version-2" => version(pieces(), Version::HTTP_2),
        "/own-100" => status(pieces(), StatusCode::CONTINUE),
        "/own-103" => status(pieces(), StatusCode::EARLY_HINTS),
        "/own-204" => no_body(StatusCode::NO_CONTENT),
        "/own-304" => no_body(StatusCode::NOT_MODIFIED),
        "/own-204-body" => status(pieces(), StatusCode::NO_CONTENT),
        "/own-304-body" => status(whole(Bytes::from_static(b"body\n")), StatusCode::NOT_MODIFIED),
        "/own-204-chunks" => {
            status(with(empty(), header::TRANSFER_ENCODING, chunked), StatusCode::NO_CONTENT)
        }
        "/own-304-chunks" => {
            status(with(empty(), header::TRANSFER_ENCODING, chunked), StatusCode::NOT_MODIFIED)
        }
        "/own-reason" => {
            let mut answer = pieces();
            answer.extensions_mut().insert(ReasonPhrase::from_static(b"As You Like It"));
            answer
        }
        "/own-many" => {
            let mut answer = pieces();
            for number in 0..150u16 {
                answer.headers_mut().append("x-many", number.into());
            }
            answer
        }
        "/own-trailers" => with(trailers(), header::TRAILER, HeaderValue::from_static("X-Sum")),
        "/own-length-fails" => {
            with(failing([piece("one ")]), header::CONTENT_LENGTH, HeaderValue::from(8))
        }
        "/own-keep-alive" => {
            with(pieces(), header::CONNECTION, HeaderValue::from_static("keep-alive"))
        }
        _ => return None,
    })
}

fn with(
    mut answer: Response<AnswerBody>,
    name: HeaderName,
    value: HeaderValue,
) -> Response<AnswerBody> {
    answer.headers_mut().insert(name, value);
    answer
}

fn version(mut answer: Response<AnswerBody>, version: Version) -> Response<AnswerBody> {
    *answer.version_mut() = version;
    answer
}

fn status(mut answer: Response<AnswerBody>, status: StatusCode) -> Response<AnswerBody> {
    *answer.status_mut() = status;
    answer
}

fn no_body(code: StatusCode) -> Response<AnswerBody> {
    with(status(empty(), code), header::CONTENT_LENGTH, HeaderValue::from(5))
}

fn empty() -> Response<AnswerBody> {
    Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
}

fn trailers() -> Response<AnswerBody> {
    let trailers = [("x-sum", "7"), ("host", "b"), ("x-other", "8")];
    let trailers = trailers
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    streamed(vec![piece("one "), Frame::trailers(HeaderMap::from_iter(trailers))])
}
