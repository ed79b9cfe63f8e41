//! `Utf8Check`: whether bytes that come in pieces are UTF-8.

use simdutf8::compat::from_utf8;

/// Checks a text piece by piece, wherever it is cut, and fails with the first byte that cannot be
/// part of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ws) struct Utf8Check {
    /// The beginning of a character that the end of the last piece has cut.
    begun: [u8; 4],
    begun_len: u8,
}

/// The text is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) struct NotUtf8;

impl Utf8Check {
    pub(in crate::ws) fn push(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.begun_len > 0 {
            let Some((&next, rest)) = piece.split_first() else { return Ok(()) };
            self.begun[usize::from(self.begun_len)] = next;
            self.begun_len += 1;
            piece = rest;
            match from_utf8(&self.begun[..usize::from(self.begun_len)]) {
                Ok(_) => self.begun_len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        match from_utf8(piece) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                // At most three bytes: with a fourth one the character would be whole, or wrong.
                let begun = &piece[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.begun_len = begun.len() as u8;
                Ok(())
            }
            Err(_) => Err(NotUtf8),
        }
    }

    /// Ends the text: fails if a character is not whole.
    pub(in crate::ws) fn finish(self) -> Result<(), NotUtf8> {
        if self.begun_len == 0 { Ok(()) } else { Err(NotUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut check = Utf8Check::default();
        pieces.into_iter().all(|piece| check.push(piece).is_ok()) && check.finish().is_ok()
    }

    #[test]
    fn texts_are_judged_as_by_std_wherever_they_are_cut() {
        let texts: [&[u8]; 14] = [
            b"",
            b"plain",
            "\u{e4}\u{20ac}\u{10348}\u{7ff}\u{800}\u{ffff}\u{10ffff}".as_bytes(),
            b"\xc0\xaf",         // overlong
            b"\xed\xa0\x80",     // a surrogate
            b"\xf4\x90\x80\x80", // above the last character
            b"\xf8\x88\x80\x80\x80",
            b"\x80",
            b"ends in \xf0\x9f\x98",
            b"ends in \xe2\x82",
            b"ends in \xc3",
            b"\xe2\x28\xa1",
            b"\xf0\x28\x8c\xbc",
            b"\xff",
        ];
        for text in texts {
            let expected = std::str::from_utf8(text).is_ok();
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(check(pieces), expected, "{text:x?} cut at {first} and {second}");
                }
            }
            assert_eq!(check(text.chunks(1)), expected, "{text:x?} byte by byte");
        }
    }

    #[test]
    fn what_cannot_be_completed_fails_at_once() {
        let mut check = Utf8Check::default();
        assert_eq!(check.push(b"\xed"), Ok(()));
        assert_eq!(check.push(b"\xa0"), Err(NotUtf8), "the third byte does not matter");
    }
}
