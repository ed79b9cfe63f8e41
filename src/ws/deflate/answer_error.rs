//! `AnswerError`: why a server's answer does not fit the offer.

use std::fmt;

/// The server's `Sec-WebSocket-Extensions` does not fit the offer; the client must fail the
/// connection (RFC 6455 §4.1).
#[derive(Debug)]
pub struct AnswerError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Malformed,
    NotOffered(String),
    Twice,
    Terms,
}

impl AnswerError {
    pub(super) fn malformed() -> Self {
        Self { kind: Kind::Malformed }
    }

    pub(super) fn not_offered(name: &str) -> Self {
        Self { kind: Kind::NotOffered(name.to_owned()) }
    }

    pub(super) fn twice() -> Self {
        Self { kind: Kind::Twice }
    }

    pub(super) fn terms() -> Self {
        Self { kind: Kind::Terms }
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Malformed => write!(f, "the server's extensions are not a list of extensions"),
            Kind::NotOffered(name) => {
                write!(f, "the server answers with the extension \"{name}\", which was not offered")
            }
            Kind::Twice => write!(f, "the server answers with permessage-deflate twice"),
            Kind::Terms => write!(
                f,
                "the server answers with parameters of permessage-deflate that were not offered"
            ),
        }
    }
}

impl std::error::Error for AnswerError {}
