//! Responses whose service sets in the head what is the server's: lengths, encodings, versions.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Response, StatusCode, Version,
    http::{HeaderName, HeaderValue, header},
};

use super::{AnswerBody, piece, streamed, whole};

/// Answers a request for `path`; `None` if it is not one of these.
///
/// | path | what the service sets |
/// |---|---|
/// | `/own-length` | the right length of a body of unknown length |
/// | `/own-length-short`, `/own-length-long` | a length that the body exceeds, or does not reach |
/// | `/own-length-empty` | a length, and no body: an answer to HEAD |
/// | `/own-chunks`, `/own-chunks-whole` | chunks, of a body of unknown and of known length |
/// | `/own-chunks-and-length` | chunks and a length |
/// | `/own-encoding` | another encoding |
/// | `/own-date` | a date |
/// | `/own-version-1.0`, `/own-version-2` | the version of the response |
/// | `/own-100`, `/own-103` | a status that is no final one |
/// | `/own-204`, `/own-304` | a length where there is no body |
/// | `/own-keep-alive` | that the connection is kept |
pub(super) fn own_head(path: &str) -> Option<Response<AnswerBody>> {
    let pieces = || streamed(vec![piece("one "), piece("end\n")]);
    let chunked = HeaderValue::from_static("chunked");
    Some(match path {
        "/own-length" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(8)),
        "/own-length-short" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(6)),
        "/own-length-long" => with(pieces(), header::CONTENT_LENGTH, HeaderValue::from(10)),
        "/own-length-empty" => with(empty(), header::CONTENT_LENGTH, HeaderValue::from(10)),
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
    Response::new(Empty::new().boxed_unsync())
}
