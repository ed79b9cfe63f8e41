//! `Piece`: the bytes of a message, which can be told from all others.

use std::sync::LazyLock;

use bytes::Bytes;
use leasehold::Chain;
use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};

use crate::dice::Dice;

/// The longest.
pub(crate) const LEN_MAX: usize = 1 << 20;

/// Twice as long as a piece, so that a byte that is lost, doubled or somebody else's shows in what
/// follows it.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0; 2 * LEN_MAX];
    SmallRng::seed_from_u64(1).fill_bytes(&mut bytes);
    bytes
});

/// Words, which can be compressed.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut rng = SmallRng::seed_from_u64(2);
    let words: Vec<String> =
        (0..500).map(|_| (0..rng.random_range(2..9)).map(|_| letter(&mut rng)).collect()).collect();
    let mut text = String::new();
    while text.len() < 2 * LEN_MAX {
        text.push_str(&words[rng.random_range(0..words.len())]);
        text.push(' ');
    }
    text
});

fn letter(rng: &mut SmallRng) -> char {
    char::from(rng.random_range(b'a'..=b'z'))
}

/// A part of a table of bytes that all know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) at: usize,
    is_text: bool,
    bytes: &'static [u8],
}

impl Piece {
    /// So many random bytes.
    pub(crate) fn of(dice: &mut Dice, len: usize) -> Self {
        Self::found_at(dice.within(0..LEN_MAX), len)
    }

    /// So many that they fill buffers on their way.
    pub(crate) fn of_long(dice: &mut Dice) -> Self {
        let len = dice.long_len();
        Self::of(dice, len)
    }

    /// Those that somebody else has named.
    pub(crate) fn found_at(at: usize, len: usize) -> Self {
        Self { at, is_text: false, bytes: &BYTES[at..at + len] }
    }

    /// So many bytes of text without line ends.
    pub(crate) fn text_of(dice: &mut Dice, len: usize) -> Self {
        let at = dice.within(0..LEN_MAX);
        Self { at, is_text: true, bytes: &TEXT.as_bytes()[at..at + len] }
    }

    pub(crate) fn len(self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn as_bytes(self) -> &'static [u8] {
        self.bytes
    }

    pub(crate) fn is_text(self) -> bool {
        self.is_text
    }

    /// Not copied.
    pub(crate) fn to_bytes(self) -> Bytes {
        Bytes::from_static(self.bytes)
    }

    /// What came next has to be what is next in the piece, and is taken off it.
    pub(crate) fn take(&mut self, came: &[u8]) {
        let (next, rest) = self.bytes.split_at_checked(came.len()).unwrap_or_else(|| {
            panic!("{} bytes came, and no more than {} were to come", came.len(), self.bytes.len());
        });
        if next != came {
            let wrong =
                next.iter().zip(came).position(|(next, came)| next != came).expect("they differ");
            panic!(
                "byte {wrong} of {} that came is {}, not {}",
                came.len(),
                came[wrong],
                next[wrong]
            );
        }
        self.bytes = rest;
    }
}

impl PartialEq<Chain> for Piece {
    fn eq(&self, chain: &Chain) -> bool {
        *chain == *self.bytes
    }
}
