//! `Message`: what is sent and received.

use super::{close::CloseFrame, utf8_chain::Utf8Chain};
use crate::chain::Chain;

/// A message: data as chains of blocks, or a word about the connection.
///
/// Cheap to move, and as cheap to clone as a chain: blocks are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(Utf8Chain),
    /// Bytes.
    Binary(Chain),
    /// Asks for a pong; at most 125 bytes. It was answered already when it is seen.
    Ping(Chain),
    /// Answers a ping, or comes unasked; at most 125 bytes.
    Pong(Chain),
    /// The last message: from either side it ends what that side says.
    Close(Option<CloseFrame>),
}

impl Message {
    /// A text.
    pub fn text(text: impl Into<Utf8Chain>) -> Self {
        Self::Text(text.into())
    }

    /// Bytes.
    pub fn binary(chain: impl Into<Chain>) -> Self {
        Self::Binary(chain.into())
    }

    /// Whether it is text or bytes, not a word about the connection.
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }

    /// The payload of text or bytes; none of others.
    pub fn into_data(self) -> Option<Chain> {
        match self {
            Self::Text(text) => Some(text.into_chain()),
            Self::Binary(chain) => Some(chain),
            Self::Ping(_) | Self::Pong(_) | Self::Close(_) => None,
        }
    }
}

impl From<Chain> for Message {
    fn from(chain: Chain) -> Self {
        Self::Binary(chain)
    }
}

impl From<Utf8Chain> for Message {
    fn from(text: Utf8Chain) -> Self {
        Self::Text(text)
    }
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}
