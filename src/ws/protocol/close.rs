//! `CloseFrame`: why a connection is closed (RFC 6455 §7.4).

use std::{borrow::Cow, fmt};

use super::{header::CONTROL_LEN_MAX, violation::Violation};

/// The longest reason, in bytes: a control frame less the two bytes of the code.
const REASON_LEN_MAX: usize = CONTROL_LEN_MAX - 2;

/// Why one end of a connection closes it.
///
/// # Examples
/// ```
/// use leasehold::ws::{CloseCode, CloseFrame};
///
/// let frame = CloseFrame::new(CloseCode::POLICY, "one connection for each user");
/// assert_eq!(frame.to_string(), "1008 \"one connection for each user\"");
/// assert_eq!(CloseFrame::default().code, CloseCode::NORMAL);
/// assert!(CloseCode::new(4000).is_some()); // 3000 to 4999 are for libraries and applications
/// assert!(CloseCode::new(1006).is_none()); // RFC 6455 §7.4.1: never sent
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The reason, for programs.
    pub code: CloseCode,
    /// The reason, for people; at most 123 bytes are sent.
    pub reason: Cow<'static, str>,
}

/// The code of a [`CloseFrame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the connection has served its purpose.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server stops, or the user leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: data of a kind that this end does not accept.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: data that do not fit their type, such as text that is not UTF-8.
    pub const INVALID: Self = Self(1007);
    /// 1008: the peer broke a rule of ours.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is larger than this end accepts.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the client needs an extension that the server did not agree to.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: the server failed.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts.
    pub const RESTART: Self = Self(1012);
    /// 1013: the server has no memory now; try again later.
    pub const TRY_AGAIN: Self = Self(1013);

    /// A code that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999 for libraries and
    /// applications (RFC 6455 §7.4.2). None for any other number.
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl CloseFrame {
    /// Makes a frame. A reason of more than 123 bytes is cut between two characters when it is
    /// sent.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Reads the payload of a close frame (RFC 6455 §5.5.1).
    pub(in crate::ws) fn parse(payload: &[u8]) -> Result<Option<Self>, Violation> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(Violation::CloseLen),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(Violation::CloseCode(code))?;
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Violation::Utf8)?;
        Ok(Some(Self { code, reason: Cow::Owned(reason.to_owned()) }))
    }

    /// The payload of a close frame.
    pub(in crate::ws) fn payload(&self) -> Vec<u8> {
        let len = REASON_LEN_MAX.min(self.reason.len());
        let end = (0..=len).rev().find(|&at| self.reason.is_char_boundary(at)).unwrap_or(0);
        [&self.code.0.to_be_bytes(), self.reason[..end].as_bytes()].concat()
    }
}

impl Default for CloseFrame {
    /// [`CloseCode::NORMAL`], without a reason.
    fn default() -> Self {
        Self::new(CloseCode::NORMAL, "")
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.code, self.reason)
    }
}
