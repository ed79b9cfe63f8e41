//! `Utf8Chain`: a chain that is text.

use std::{borrow::Cow, fmt};

use bytes::Bytes;

use super::utf8::Utf8Check;
use crate::chain::Chain;

/// A [`Chain`] whose bytes are UTF-8. A character may lie in two pieces.
///
/// # Examples
/// ```
/// use leasehold::{Chain, ws::Utf8Chain};
///
/// let text = Utf8Chain::from("gr\u{fc}n");
/// assert_eq!((text.len(), text.to_string()), (5, "gr\u{fc}n".to_owned()));
/// let broken = Chain::from(bytes::Bytes::from_static(b"\xfc"));
/// assert!(Utf8Chain::try_from(broken).is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Chain {
    chain: Chain,
}

impl Utf8Chain {
    /// For a chain that was checked before.
    pub(in crate::ws) fn checked(chain: Chain) -> Self {
        Self { chain }
    }

    /// The length of the text, in bytes.
    pub fn len(&self) -> usize {
        self.chain.len()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// The bytes.
    pub fn as_chain(&self) -> &Chain {
        &self.chain
    }

    /// The bytes.
    pub fn into_chain(self) -> Chain {
        self.chain
    }

    /// The text as one slice. It is copied only if it lies in several pieces.
    pub fn to_str(&self) -> Cow<'_, str> {
        let mut pieces = self.chain.segments();
        let text = match (pieces.next(), pieces.next()) {
            (None, _) => return Cow::Borrowed(""),
            (Some(only), None) => std::str::from_utf8(only.as_ref()).map(Cow::Borrowed),
            _ => Ok(Cow::Owned(self.copied())),
        };
        text.expect("the text was checked")
    }

    fn copied(&self) -> String {
        let mut bytes = Vec::with_capacity(self.len());
        self.chain.segments().for_each(|segment| bytes.extend_from_slice(segment.as_ref()));
        String::from_utf8(bytes).expect("the text was checked")
    }
}

impl fmt::Display for Utf8Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

impl PartialEq<str> for Utf8Chain {
    fn eq(&self, other: &str) -> bool {
        self.chain == *other.as_bytes()
    }
}

impl PartialEq<&str> for Utf8Chain {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq for Utf8Chain {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for Utf8Chain {}

impl From<&'static str> for Utf8Chain {
    fn from(text: &'static str) -> Self {
        Self { chain: Bytes::from_static(text.as_bytes()).into() }
    }
}

impl From<String> for Utf8Chain {
    fn from(text: String) -> Self {
        Self { chain: Bytes::from(text).into() }
    }
}

impl From<Utf8Chain> for Chain {
    fn from(text: Utf8Chain) -> Self {
        text.chain
    }
}

impl TryFrom<Chain> for Utf8Chain {
    type Error = NotUtf8Error;

    fn try_from(chain: Chain) -> Result<Self, NotUtf8Error> {
        let mut check = Utf8Check::default();
        let is_text = chain.segments().all(|segment| check.push(segment.as_ref()).is_ok())
            && check.finish().is_ok();
        if is_text { Ok(Self { chain }) } else { Err(NotUtf8Error { chain }) }
    }
}

/// The bytes of a chain are not UTF-8. The error has the chain.
///
/// # Examples
/// ```
/// use leasehold::{Chain, ws::Utf8Chain};
///
/// let chain = Chain::from(bytes::Bytes::from_static(b"\xff"));
/// let error = Utf8Chain::try_from(chain).unwrap_err();
/// assert_eq!(error.into_inner(), *b"\xff");
/// ```
#[derive(Debug)]
pub struct NotUtf8Error {
    chain: Chain,
}

impl NotUtf8Error {
    /// Returns the chain, unchanged.
    pub fn into_inner(self) -> Chain {
        self.chain
    }
}

impl fmt::Display for NotUtf8Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the chain of {} bytes is not UTF-8", self.chain.len())
    }
}

impl std::error::Error for NotUtf8Error {}
