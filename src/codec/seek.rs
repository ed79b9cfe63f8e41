//! `Seek`: looks for the end of a delimited frame as bytes arrive.

use std::{io, str::Utf8Error};

use bytes::Buf;

use crate::chain::ChainMut;

/// How far the bytes have been searched for a delimiter. It is kept between calls, so that no byte
/// is looked at twice.
///
/// | state | found | then |
/// |---|---|---|
/// | seeking | a delimiter, at most `max_len` bytes on | the frame ends there |
/// | seeking | none, in more than `max_len` bytes | `TooLong`, once; to discarding |
/// | seeking | none yet | more bytes are needed |
/// | discarding | a delimiter | all up to and with it is dropped; to seeking |
/// | discarding | none | all is dropped |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seek {
    max_len: usize,
    /// The number of bytes that hold no delimiter.
    seen: usize,
    is_discarding: bool,
}

/// A frame is longer than `max` bytes, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    pub(super) max: usize,
}

/// Why there is no next frame, or why one cannot be sent.
#[derive(Debug)]
pub(super) enum Fault {
    TooLong { max: usize },
    NotText(Utf8Error),
    Io(io::Error),
}

impl Seek {
    pub(super) fn new(max_len: usize) -> Self {
        Self { max_len, seen: 0, is_discarding: false }
    }

    pub(super) fn max_len(&self) -> usize {
        self.max_len
    }

    /// The length of the frame that `src` begins with, if its delimiter is there. `find` returns
    /// the place of the first delimiter in a piece.
    pub(super) fn frame_len(
        &mut self,
        src: &mut ChainMut,
        mut find: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Result<Option<usize>, TooLong> {
        if self.is_discarding && !self.discard(src, &mut find) {
            return Ok(None);
        }
        let end = self.max_len.saturating_add(1).min(src.len());
        let found = src.find(self.seen.min(end)..end, find);
        self.seen = if found.is_some() { 0 } else { end };
        if found.is_none() && src.len() > self.max_len {
            self.is_discarding = true;
            return Err(TooLong { max: self.max_len });
        }
        Ok(found)
    }

    /// Begins again with the next byte, because no delimiter will follow.
    pub(super) fn restart(&mut self) {
        self.seen = 0;
    }

    /// Drops the bytes of a frame that is too long. Returns whether all of it is dropped.
    fn discard(&mut self, src: &mut ChainMut, find: impl FnMut(&[u8]) -> Option<usize>) -> bool {
        let end = src.find(self.seen.min(src.len()).., find);
        self.seen = 0;
        self.is_discarding = end.is_none();
        src.advance(end.map_or(src.len(), |end| end + 1));
        end.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use bytes::Bytes;
    use memchr::memchr;

    use super::*;
    use crate::Pool;

    #[test]
    fn no_byte_is_looked_at_twice() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut seek = Seek::new(1_000);
        let seen = Cell::new(0);
        let find = |piece: &[u8]| {
            seen.set(seen.get() + piece.len());
            memchr(b'\n', piece)
        };
        for count in 1..=1_000 {
            src.push(Bytes::from_static(b"x"));
            assert_eq!(seek.frame_len(&mut src, find), Ok(None));
            assert_eq!(seen.get(), count);
        }
        src.push(Bytes::from_static(b"yyyy\n"));
        assert_eq!(seek.frame_len(&mut src, find), Err(TooLong { max: 1_000 }));
        assert_eq!(seen.get(), 1_001);
        assert_eq!(seek.frame_len(&mut src, find), Ok(None));
        assert_eq!(seen.get(), 1_005);
        assert!(src.is_empty());
        assert_eq!(pool.leased(), 0);
    }

    #[test]
    fn a_chain_that_lost_bytes_meanwhile_is_sought_from_its_end() {
        let pool = Pool::new(1 << 20).expect("a pool");
        let mut src = ChainMut::new(&pool);
        let mut seek = Seek::new(usize::MAX);
        let find = |piece: &[u8]| memchr(b'\n', piece);
        src.push(Bytes::from_static(b"abc"));
        assert_eq!(seek.frame_len(&mut src, find), Ok(None));
        src.clear();
        assert_eq!(seek.frame_len(&mut src, find), Ok(None));
        src.push(Bytes::from_static(b"d\n"));
        assert_eq!(seek.frame_len(&mut src, find), Ok(Some(1)));
        assert_eq!(pool.leased(), 0);
    }
}
