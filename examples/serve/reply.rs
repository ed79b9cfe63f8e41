//! The responses. No length is ever set here: every body knows its own, and hyper writes it.

use std::io;

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};

use crate::body::{ReplyBody, of_chain};

pub type Reply = Response<ReplyBody>;

pub fn of_body(status: StatusCode, content_type: &'static str, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A status in words. The words are static, so that telling of a lack of memory takes none.
pub fn of_text(status: StatusCode, text: &'static str) -> Reply {
    of_body(status, "text/plain; charset=utf-8", of_chain(Bytes::from_static(text.as_bytes())))
}

pub fn not_found() -> Reply {
    of_text(StatusCode::NOT_FOUND, "nothing is served under this path\n")
}

pub fn method_not_allowed() -> Reply {
    let reply = of_text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
    with(reply, header::ALLOW, HeaderValue::from_static("GET, HEAD"))
}

/// Forever, to a path that [`SitePath::with_slash`](crate::path::SitePath::with_slash) encoded.
pub fn redirect(location: &str) -> Reply {
    let reply = of_text(StatusCode::MOVED_PERMANENTLY, "a directory ends in a slash\n");
    with(reply, header::LOCATION, HeaderValue::from_str(location).expect("an encoded path is printable ASCII"))
}

pub fn not_modified() -> Reply {
    let mut reply = Response::new(of_chain(Bytes::new()));
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
    reply
}

/// RFC 9110 §15.5.17: says how long the file is.
pub fn unsatisfiable(len: u64) -> Reply {
    let reply = of_text(StatusCode::RANGE_NOT_SATISFIABLE, "the range begins behind the end of the file\n");
    with(reply, header::CONTENT_RANGE, number(format!("bytes */{len}")))
}

/// What a client is told of an error, and what whoever runs the server is.
pub fn of_error(error: &io::Error) -> Reply {
    use io::ErrorKind::{
        InvalidFilename, InvalidInput, NotADirectory, NotFound, OutOfMemory, PermissionDenied, TimedOut,
    };
    match error.kind() {
        // What leads out of the root is `PermissionDenied`; a client cannot tell it from what is not there.
        NotFound | PermissionDenied | NotADirectory | InvalidFilename | InvalidInput => not_found(),
        OutOfMemory | TimedOut => {
            let reply = of_text(StatusCode::SERVICE_UNAVAILABLE, "all memory is in use; try again in a moment\n");
            with(reply, header::RETRY_AFTER, HeaderValue::from_static("1"))
        }
        _ => {
            eprintln!("serve: {error}");
            of_text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read\n")
        }
    }
}

pub fn with(mut reply: Reply, name: HeaderName, value: HeaderValue) -> Reply {
    reply.headers_mut().insert(name, value);
    reply
}

/// A header value made of digits and a few signs.
pub fn number(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits are valid in a header")
}
