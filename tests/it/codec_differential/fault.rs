//! `Fault`: what an error of either crate means.

use std::io;

use leasehold::codec as ours;
use tokio_util::codec as theirs;

/// An error, without the words: ours name the numbers on purpose, and are of types of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A frame is over the limit that is set beside its length.
    TooLarge(io::ErrorKind),
    /// A length leaves its range when adjusted.
    NotAdjustable(io::ErrorKind),
    /// A delimited frame is over its limit.
    TooLong,
    /// A line is not UTF-8.
    NotText(io::ErrorKind),
    /// Any other error, which says the same in both.
    Other(io::ErrorKind, String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let (kind, text) = (error.kind(), error.to_string());
        let reason = error.get_ref();
        if reason.is_some_and(|reason| reason.is::<theirs::LengthDelimitedCodecError>()) {
            return Self::TooLarge(kind);
        }
        match reason.and_then(|reason| reason.downcast_ref::<ours::LengthDelimitedCodecError>()) {
            Some(reason) if reason.is_too_large() => Self::TooLarge(kind),
            Some(reason) if reason.is_not_adjustable() => Self::NotAdjustable(kind),
            _ if text == "provided length would overflow after adjustment" => {
                Self::NotAdjustable(kind)
            }
            _ if text == "Unable to decode input as UTF8" => Self::NotText(kind),
            _ => Self::Other(kind, text),
        }
    }
}

impl From<theirs::LinesCodecError> for Fault {
    fn from(error: theirs::LinesCodecError) -> Self {
        match error {
            theirs::LinesCodecError::MaxLineLengthExceeded => Self::TooLong,
            theirs::LinesCodecError::Io(error) => error.into(),
        }
    }
}

impl From<ours::LinesCodecError> for Fault {
    fn from(error: ours::LinesCodecError) -> Self {
        match error {
            error if error.is_too_long() => Self::TooLong,
            error if error.is_not_text() => Self::NotText(io::Error::from(error).kind()),
            error => io::Error::from(error).into(),
        }
    }
}

impl From<theirs::AnyDelimiterCodecError> for Fault {
    fn from(error: theirs::AnyDelimiterCodecError) -> Self {
        match error {
            theirs::AnyDelimiterCodecError::MaxChunkLengthExceeded => Self::TooLong,
            theirs::AnyDelimiterCodecError::Io(error) => error.into(),
        }
    }
}

impl From<ours::AnyDelimiterCodecError> for Fault {
    fn from(error: ours::AnyDelimiterCodecError) -> Self {
        match error {
            error if error.is_too_long() => Self::TooLong,
            error => io::Error::from(error).into(),
        }
    }
}
