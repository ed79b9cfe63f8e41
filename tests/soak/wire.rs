//! `Wire`: how an echo server wants its messages. What comes back is what was sent, whichever it
//! is.

use crate::{dice::Dice, order::Order, piece::Piece};

/// The longest line.
pub(crate) const LINE_MAX: usize = 96 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A length of four bytes, then the message.
    Frames,
    /// Text, then a line end.
    Lines,
    /// A length as a line, then the message.
    Counted,
}

/// A message as it is sent.
#[derive(Clone)]
pub(crate) struct Wired {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Piece,
    pub(crate) tail: &'static [u8],
}

impl Wire {
    /// A message of about so many bytes.
    pub(crate) fn message(self, dice: &mut Dice, len: usize) -> Wired {
        match self {
            Self::Frames => Wired::new((len as u32).to_be_bytes(), Piece::of(dice, len), b""),
            Self::Lines => Wired::new([], Piece::text_of(dice, len.min(LINE_MAX)), b"\n"),
            Self::Counted => Wired::new(format!("{len}\n"), Piece::of(dice, len), b""),
        }
    }

    pub(crate) fn order(self, order: Order) -> Vec<u8> {
        let text = order.text().as_bytes();
        match self {
            Self::Frames => [&(text.len() as u32).to_be_bytes(), text].concat(),
            Self::Lines | Self::Counted => [text, b"\n"].concat(),
        }
    }

    /// What no server takes.
    pub(crate) fn malformed(self) -> Vec<u8> {
        match self {
            Self::Frames => vec![0xFF; 100],
            Self::Lines => vec![b'x'; LINE_MAX + 100],
            Self::Counted => b"many\n".to_vec(),
        }
    }
}

impl Wired {
    fn new(head: impl Into<Vec<u8>>, body: Piece, tail: &'static [u8]) -> Self {
        Self { head: head.into(), body, tail }
    }
}
