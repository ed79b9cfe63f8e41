//! `Frame`: one frame as it lies on the wire, right or wrong (RFC 6455 §5.2).

use std::fmt;

use leasehold::ws::Role;

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

const FIN: u8 = 0x80;

/// A key of which no byte is zero, nor equal to another.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, RSV1 to RSV3 and the opcode.
    pub(crate) first: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// Not masked.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The only frame of its message.
    pub(crate) fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { first: FIN | opcode, mask: None, payload: payload.into() }
    }

    pub(crate) fn text(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(TEXT, payload)
    }

    pub(crate) fn binary(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(BINARY, payload)
    }

    pub(crate) fn ping(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(PING, payload)
    }

    pub(crate) fn pong(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(PONG, payload)
    }

    pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// A close frame that says nothing.
    pub(crate) fn close_empty() -> Self {
        Self::new(CLOSE, [])
    }

    pub(crate) fn continuation(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(CONTINUATION, payload)
    }

    /// Not the last one of its message.
    pub(crate) fn begun(self) -> Self {
        Self { first: self.first & !FIN, ..self }
    }

    pub(crate) fn masked(self) -> Self {
        Self { mask: Some(KEY), ..self }
    }

    /// As somebody sends it whose peer has this role.
    pub(crate) fn to(self, role: Role) -> Self {
        match role {
            Role::Server => self.masked(),
            Role::Client => self,
        }
    }

    /// A message in frames of such lengths, to a peer of this role.
    pub(crate) fn fragments<'a>(
        opcode: u8,
        pieces: impl ExactSizeIterator<Item = &'a [u8]>,
        role: Role,
    ) -> impl Iterator<Item = Self> {
        let last = pieces.len().saturating_sub(1);
        pieces.enumerate().map(move |(index, piece)| {
            let frame = Self::new(if index == 0 { opcode } else { CONTINUATION }, piece).to(role);
            if index == last { frame } else { frame.begun() }
        })
    }

    pub(crate) fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// The code of a close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let [high, low, ..] = *self.payload else { return None };
        (self.opcode() == CLOSE).then_some(u16::from_be_bytes([high, low]))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let len = self.payload.len();
        let mut bytes = vec![self.first];
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        match len {
            0..126 => bytes.push(masked | len as u8),
            126..0x1_0000 => {
                bytes.push(masked | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        bytes.extend(masked_with(self.mask, &self.payload));
        bytes
    }

    /// The frame at the front of `bytes`, and its length; none if it is not whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (len, at) = match second & 0x7f {
            126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()).into(), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize, 10),
            len => (len.into(), 2),
        };
        let (mask, at) = match second & 0x80 {
            0 => (None, at),
            _ => (Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).unwrap()), at + 4),
        };
        let payload = masked_with(mask, bytes.get(at..at + len)?);
        Some((Self { first, mask, payload }, at + len))
    }

    /// All frames of what was sent.
    ///
    /// # Panics
    /// If the last one is not whole.
    pub(crate) fn parse_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (frame, len) = Self::parse(bytes).expect("a whole frame");
            frames.push(frame);
            bytes = &bytes[len..];
        }
        frames
    }
}

fn masked_with(mask: Option<[u8; 4]>, bytes: &[u8]) -> Vec<u8> {
    let Some(key) = mask else { return bytes.to_vec() };
    bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// What these frames are together on the wire.
pub(crate) fn wire(frames: impl IntoIterator<Item = Frame>) -> Vec<u8> {
    frames.into_iter().flat_map(|frame| frame.to_bytes()).collect()
}

impl fmt::Debug for Frame {
    /// At most the front of the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let front = &self.payload[..self.payload.len().min(40)];
        write!(
            f,
            "{:#04x} {:02x?} {} bytes {}",
            self.first,
            self.mask,
            self.payload.len(),
            front.escape_ascii()
        )
    }
}
