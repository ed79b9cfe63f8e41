//! `Header`: the bytes in front of a frame's payload (RFC 6455 §5.2).
//!
//! ```text
//!   byte 0             byte 1        0, 2 or 8 bytes     0 or 4 bytes
//!  FIN RSV1-3 opcode  MASK length   extended length      masking key
//! ```

use super::violation::Violation;

/// The longest header.
pub(in crate::ws) const HEADER_LEN_MAX: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub(in crate::ws) const CONTROL_LEN_MAX: usize = 125;

/// Everything that a header says of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum OpCode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl OpCode {
    #[inline]
    pub(in crate::ws) fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }

    #[inline]
    fn of(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) struct Header {
    pub(in crate::ws) opcode: OpCode,
    /// The last frame of its message.
    pub(in crate::ws) is_final: bool,
    /// RSV1: the message is compressed (RFC 7692 §6).
    pub(in crate::ws) is_compressed: bool,
    pub(in crate::ws) mask: Option<[u8; 4]>,
    /// Bytes of payload.
    pub(in crate::ws) len: u64,
}

impl Header {
    /// The header of a whole message, neither compressed nor masked, with a payload of `len` bytes.
    #[inline]
    pub(in crate::ws) fn new(opcode: OpCode, len: usize) -> Self {
        Self { opcode, is_final: true, is_compressed: false, mask: None, len: len as u64 }
    }

    /// Reads a header from the front of `bytes`, and its length in bytes; none if more bytes are
    /// needed.
    ///
    /// Fails with the first byte that breaks a rule, without waiting for the rest.
    #[inline]
    pub(in crate::ws) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let &[first, ..] = bytes else { return Ok(None) };
        // RFC 6455 §5.2: RSV2 and RSV3 are zero, because no extension here gives them a meaning.
        if first & 0x30 != 0 {
            return Err(Violation::ReservedBits);
        }
        let opcode = OpCode::of(first & 0x0f).ok_or(Violation::ReservedOpCode(first & 0x0f))?;
        let is_final = first & 0x80 != 0;
        let is_compressed = first & 0x40 != 0;
        // RFC 6455 §5.5 and RFC 7692 §6.1: control frames are neither fragmented nor compressed.
        if opcode.is_control() && !is_final {
            return Err(Violation::FragmentedControl);
        }
        if opcode.is_control() && is_compressed {
            return Err(Violation::ReservedBits);
        }
        let &[_, second, ..] = bytes else { return Ok(None) };
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > CONTROL_LEN_MAX {
            return Err(Violation::LongControl);
        }
        let (len, mut at) = match short {
            126 => match bytes.get(2..4) {
                Some(len) => (u64::from(u16::from_be_bytes(len.try_into().expect("two bytes"))), 4),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10) {
                Some(len) => (u64::from_be_bytes(len.try_into().expect("eight bytes")), 10),
                None => return Ok(None),
            },
            short => (u64::from(short), 2),
        };
        // RFC 6455 §5.2: the length is in its shortest form, and its highest bit is zero.
        if len >> 63 != 0
            || (short == 126 && len < 126)
            || (short == 127 && len <= u64::from(u16::MAX))
        {
            return Err(Violation::LengthForm);
        }
        let mask = if second & 0x80 == 0 {
            None
        } else {
            let Some(mask) = bytes.get(at..at + 4) else { return Ok(None) };
            at += 4;
            Some(mask.try_into().expect("four bytes"))
        };
        Ok(Some((Self { opcode, is_final, is_compressed, mask, len }, at)))
    }

    /// Writes it to the front of `bytes`; returns its length in bytes.
    #[inline]
    pub(in crate::ws) fn write(&self, bytes: &mut [u8; HEADER_LEN_MAX]) -> usize {
        bytes[0] =
            u8::from(self.is_final) << 7 | u8::from(self.is_compressed) << 6 | self.opcode as u8;
        let masked = u8::from(self.mask.is_some()) << 7;
        let mut at = match self.len {
            0..126 => {
                bytes[1] = masked | self.len as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = masked | 126;
                bytes[2..4].copy_from_slice(&(self.len as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = masked | 127;
                bytes[2..10].copy_from_slice(&self.len.to_be_bytes());
                10
            }
        };
        if let Some(mask) = self.mask {
            bytes[at..at + 4].copy_from_slice(&mask);
            at += 4;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENS: [u64; 10] = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 32, u64::MAX >> 1, 1 << 20];

    #[test]
    fn what_is_written_is_read_at_every_cut() {
        for len in LENS {
            for mask in [None, Some([1, 2, 3, 4])] {
                for opcode in [OpCode::Continuation, OpCode::Text, OpCode::Binary] {
                    let header = Header {
                        opcode,
                        is_final: len % 2 == 0,
                        is_compressed: len % 3 == 0,
                        mask,
                        len,
                    };
                    let mut bytes = [0; HEADER_LEN_MAX];
                    let written = header.write(&mut bytes);
                    for cut in 0..written {
                        assert_eq!(
                            Header::parse(&bytes[..cut]),
                            Ok(None),
                            "{header:?} cut at {cut}"
                        );
                    }
                    assert_eq!(Header::parse(&bytes), Ok(Some((header, written))));
                }
            }
        }
    }

    #[test]
    fn every_first_byte_is_read_or_refused_as_the_table_says() {
        for first in 0..=u8::MAX {
            let parsed = Header::parse(&[first, 0]);
            let (bits, opcode) = (first & 0x70, first & 0x0f);
            let is_control = opcode >= 8;
            let expected = match (bits, opcode, first & 0x80 != 0) {
                (0x10.., ..) if bits & 0x30 != 0 => Err(Violation::ReservedBits),
                (_, 3..=7 | 11..=15, _) => Err(Violation::ReservedOpCode(opcode)),
                (_, 8..=10, false) => Err(Violation::FragmentedControl),
                (0x40, 8..=10, true) => Err(Violation::ReservedBits),
                _ => Ok(()),
            };
            assert_eq!(
                parsed.map(|parsed| assert!(parsed.is_some(), "{is_control}")),
                expected,
                "{first:#04x}"
            );
        }
    }

    #[test]
    fn a_length_takes_the_fewest_bytes_that_hold_it() {
        for bytes in [
            &[0x82, 126, 0, 125][..],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Header::parse(bytes), Err(Violation::LengthForm), "{bytes:?}");
        }
        assert_eq!(Header::parse(&[0x89, 126]), Err(Violation::LongControl));
    }
}
