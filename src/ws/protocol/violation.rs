//! `Violation`: the rule that a peer broke.

use std::fmt;

/// The rule of RFC 6455 or RFC 7692 that a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum Violation {
    ReservedBits,
    ReservedOpCode(u8),
    FragmentedControl,
    LongControl,
    LengthForm,
    Unmasked,
    Masked,
    /// A continuation frame, and no message has begun.
    NothingToContinue,
    /// A new message begins within another one.
    Interrupted,
    /// RSV1 is set where it has no meaning.
    NotCompressed,
    CloseLen,
    CloseCode(u16),
    Utf8,
    Inflate,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => write!(f, "reserved bits are set"),
            Self::ReservedOpCode(code) => write!(f, "opcode {code:#x} is reserved"),
            Self::FragmentedControl => write!(f, "a control frame is fragmented"),
            Self::LongControl => write!(f, "a control frame has more than 125 bytes"),
            Self::LengthForm => write!(f, "a length is not in its shortest form"),
            Self::Unmasked => write!(f, "a frame of a client is not masked"),
            Self::Masked => write!(f, "a frame of a server is masked"),
            Self::NothingToContinue => write!(f, "a continuation has nothing to continue"),
            Self::Interrupted => write!(f, "a message begins before the last one has ended"),
            Self::NotCompressed => {
                write!(f, "a frame that cannot be compressed is marked as compressed")
            }
            Self::CloseLen => write!(f, "a close frame has one byte"),
            Self::CloseCode(code) => write!(f, "close code {code} must not be sent"),
            Self::Utf8 => write!(f, "text is not UTF-8"),
            Self::Inflate => write!(f, "compressed data are broken"),
        }
    }
}
