//! `States`: the state of decoding, for any source of frames.

use std::{
    io,
    task::{Context, Poll, ready},
};

/// A source of frames: a transport, a buffer and a decoder.
pub(super) trait Frames {
    type Item;
    type Error: From<io::Error>;

    /// Takes a frame out of the buffer. At the end of the transport, takes one of those that are
    /// left.
    fn decode(&mut self, is_eof: bool) -> Result<Option<Self::Item>, Self::Error>;

    /// Reads more into the buffer. 0 is the end of the transport.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>>;
}

/// The state of decoding. The states are those of tokio-util's `Framed`:
///
/// | state | `is_eof` | `is_readable` | `has_failed` | next |
/// |---|---|---|---|---|
/// | reading | no | no | no | reads; decodes what came, or what is left at the end |
/// | framing | no | yes | no | decodes until there is no frame, then reads |
/// | ending | yes | yes | no | decodes what is left, until there is no frame; then returns `None` |
/// | ended | yes | no | no | reads again: a transport may go on after its end |
/// | failed | any | any | yes | returns `None` once, then reads |
#[derive(Debug)]
pub(super) struct States {
    is_eof: bool,
    is_readable: bool,
    has_failed: bool,
}

impl States {
    /// Begins with a read, or with decoding bytes that were read before.
    pub(super) fn new(is_readable: bool) -> Self {
        Self { is_eof: false, is_readable, has_failed: false }
    }

    pub(super) fn poll_next<F: Frames>(
        &mut self,
        cx: &mut Context<'_>,
        frames: &mut F,
    ) -> Poll<Option<Result<F::Item, F::Error>>> {
        loop {
            if std::mem::take(&mut self.has_failed) {
                self.is_readable = false;
                return Poll::Ready(None);
            }
            if self.is_readable {
                match frames.decode(self.is_eof) {
                    Ok(None) => self.is_readable = false,
                    Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                    Err(error) => return self.fail(error),
                }
                if self.is_eof {
                    return Poll::Ready(None);
                }
            }
            match ready!(frames.poll_read(cx)) {
                Ok(0) if self.is_eof => return Poll::Ready(None),
                Ok(count) => self.is_eof = count == 0,
                Err(error) => return self.fail(error.into()),
            }
            self.is_readable = true;
        }
    }

    fn fail<I, E>(&mut self, error: E) -> Poll<Option<Result<I, E>>> {
        self.has_failed = true;
        Poll::Ready(Some(Err(error)))
    }
}
