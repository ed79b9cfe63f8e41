//! `Message`: what a socket sends and receives.

use super::{close::CloseFrame, utf8_chain::Utf8Chain};
use crate::chain::Chain;

/// A message: data as a chain of blocks, or a control message.
///
/// A clone shares the blocks: nothing is copied.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::{Pool, ws::Message};
///
/// let pool = Pool::new(8 << 20)?;
/// let mut chain = pool.try_chain(1000)?;
/// chain.put_slice(b"in a leased block");
/// let message = Message::binary(chain.freeze());
/// assert!(message.is_data());
///
/// let to_another_socket = message.clone();
/// assert_eq!(pool.leased(), 1 << 10); // one block for both
/// assert_eq!(to_another_socket.into_data(), message.into_data());
/// assert_ne!(Message::from("text"), Message::binary(bytes::Bytes::from("text")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(Utf8Chain),
    /// Bytes.
    Binary(Chain),
    /// Asks for a pong; at most 125 bytes. The socket has answered a received ping already.
    Ping(Chain),
    /// Answers a ping, or comes unasked; at most 125 bytes.
    Pong(Chain),
    /// The last message of either side.
    Close(Option<CloseFrame>),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Chain>) -> Self {
        Self::Text(text.into())
    }

    /// Bytes.
    pub fn binary(chain: impl Into<Chain>) -> Self {
        Self::Binary(chain.into())
    }

    /// Whether it is text or bytes, and not a control message.
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }

    /// The payload of text or bytes; none of a control message.
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
