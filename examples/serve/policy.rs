//! The content security policy of the page.

use axum::http::HeaderValue;
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// Allows the page its own style and script, by their hashes, its icon, and requests to its own
/// server. Nothing else runs or loads, whatever is injected into it.
pub fn of_page(page: &str) -> HeaderValue {
    let style = hash(inside(page, "<style>", "</style>"));
    let script = hash(inside(page, "<script>", "</script>"));
    let policy = format!(
        "default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("hashes in Base64 are valid in a header")
}

/// The text between the first `start` and the `end` behind it.
fn inside<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let found = page.split_once(start).and_then(|(_, rest)| rest.split_once(end));
    found.expect("the page has one of each").0
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}
