//! Responses that all handlers share. Their texts are static: to report a lack of memory takes no
//! memory.

use std::io;

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_RANGE, LOCATION, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use tracing::warn;

pub fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "nothing is served under this path\n").into_response()
}

/// The answer to a request of another method.
pub async fn only_get() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "only GET and HEAD are answered\n")
        .into_response()
}

/// The same, on paths for uploads.
pub async fn only_get_and_put() -> Response {
    (
        StatusCode::METHOD_NOT_ALLOWED,
        [(ALLOW, "GET, HEAD, PUT")],
        "only GET, HEAD and PUT are answered\n",
    )
        .into_response()
}

/// A permanent redirect, to a path that [`SitePath::with_slash`](crate::path::SitePath::with_slash)
/// encoded.
pub fn redirect(location: String) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, location)], "a directory ends in a slash\n")
        .into_response()
}

pub fn not_modified() -> Response {
    StatusCode::NOT_MODIFIED.into_response()
}

/// RFC 9110 §15.5.17: the answer tells the length of the file.
pub fn unsatisfiable(len: u64) -> Response {
    let range = [(CONTENT_RANGE, number(format!("bytes */{len}")))];
    (StatusCode::RANGE_NOT_SATISFIABLE, range, "the range begins behind the end of the file\n")
        .into_response()
}

/// The answer to a client after an error; the log has the details.
pub fn of_error(error: &io::Error) -> Response {
    use io::ErrorKind::{
        InvalidFilename, InvalidInput, NotADirectory, NotFound, OutOfMemory, PermissionDenied,
        TimedOut,
    };
    match error.kind() {
        // A path out of the root is `PermissionDenied`. A client cannot tell it from a missing
        // file.
        NotFound | PermissionDenied | NotADirectory | InvalidFilename | InvalidInput => not_found(),
        OutOfMemory | TimedOut => out_of_memory(),
        _ => {
            warn!(%error, "a file cannot be read");
            (StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read\n").into_response()
        }
    }
}

pub fn out_of_memory() -> Response {
    let text = "all memory is in use; try again in a moment\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response()
}

/// A header value made of digits and a few signs.
pub fn number(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits are valid in a header")
}
