//! Why an upload became no file.

use std::io;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytesize::ByteSize;
use leasehold::http::LeasedBodyError;
use tracing::{debug, warn};

use crate::reply;

/// The answer to the client. It takes no memory of the pool.
#[derive(Debug)]
pub enum UploadError {
    /// The request is refused, for this reason.
    Refused(&'static str),
    TooLong {
        len_max: u64,
    },
    OutOfMemory,
    Body(LeasedBodyError),
    File(io::Error),
}

impl From<LeasedBodyError> for UploadError {
    fn from(error: LeasedBodyError) -> Self {
        if error.is_lease() { Self::OutOfMemory } else { Self::Body(error) }
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
            Self::TooLong { len_max } => {
                let text =
                    format!("an upload has at most {} bytes, {}\n", len_max, ByteSize(len_max));
                (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
            }
            Self::OutOfMemory => reply::out_of_memory(),
            Self::Body(error) => {
                debug!(%error, "an upload was cut off");
                (StatusCode::BAD_REQUEST, "the body broke off\n").into_response()
            }
            Self::File(error) => of_file(&error),
        }
    }
}

fn of_file(error: &io::Error) -> Response {
    use io::ErrorKind::{AlreadyExists, FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        AlreadyExists => {
            (StatusCode::CONFLICT, "there is a file of this name; choose another\n").into_response()
        }
        StorageFull | QuotaExceeded | FileTooLarge => {
            warn!(%error, "an upload does not fit on the disk");
            (StatusCode::INSUFFICIENT_STORAGE, "there is no room for this file\n").into_response()
        }
        _ => {
            warn!(%error, "an upload cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be written\n").into_response()
        }
    }
}
