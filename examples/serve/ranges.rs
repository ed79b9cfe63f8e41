//! The part of a file that a request asks for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, Method, header};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use httpdate::HttpDate;

/// 9999-12-31T23:59:59Z: a date of HTTP has four digits for the year.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// The part of a file that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    Range {
        start: u64,
        len: u64,
    },
    /// The range begins behind the end.
    Unsatisfiable,
    /// The client has the file already.
    NotModified,
}

impl Part {
    /// Reads the headers that ask for less than the whole file, in the order of RFC 9110 §13.2.2.
    pub fn wanted(
        method: &Method,
        headers: &HeaderMap,
        len: u64,
        modified: Option<HttpDate>,
    ) -> Self {
        if is_known(headers, modified) {
            return Self::NotModified;
        }
        match text(headers, header::RANGE) {
            // RFC 9110 §14.2: ranges are for GET alone.
            Some(range) if method == Method::GET && is_current(headers, modified) => {
                Self::of_range(range, len)
            }
            _ => Self::Whole,
        }
    }

    /// RFC 9110 §14.2: a range that is not understood is ignored; several may be answered by the
    /// whole file.
    fn of_range(range: &str, len: u64) -> Self {
        let ranges = parse_range_header(range).and_then(|parsed| parsed.validate(len));
        match ranges.as_deref() {
            Ok([range]) => {
                Self::Range { start: *range.start(), len: range.end() - range.start() + 1 }
            }
            Err(RangeUnsatisfiableError::Unsatisfiable) => Self::Unsatisfiable,
            _ => Self::Whole,
        }
    }
}

/// The date that Last-Modified carries, if it can be written.
pub fn http_date(modified: SystemTime) -> Option<HttpDate> {
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    (since <= LAST_SECOND).then(|| HttpDate::from(modified))
}

/// RFC 9110 §13.1.3: If-Modified-Since, which If-None-Match overrules. No entity tags are sent, so
/// none can match.
fn is_known(headers: &HeaderMap, modified: Option<HttpDate>) -> bool {
    let since = date(headers, header::IF_MODIFIED_SINCE);
    let is_newer = |(modified, since)| modified > since;
    !headers.contains_key(header::IF_NONE_MATCH)
        && modified.zip(since).is_some_and(|dates| !is_newer(dates))
}

/// RFC 9110 §13.1.5: with If-Range, a range is sent only of the very file that the client has a
/// part of.
fn is_current(headers: &HeaderMap, modified: Option<HttpDate>) -> bool {
    !headers.contains_key(header::IF_RANGE)
        || modified.is_some() && date(headers, header::IF_RANGE) == modified
}

fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<HttpDate> {
    text(headers, name)?.parse().ok()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
