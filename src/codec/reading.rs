//! `Reading`: the half of a framed transport that decodes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncRead;

use super::Decoder;
use crate::{chain::ChainMut, io::Intake};

/// Bytes that were read and not decoded, and where decoding stands.
///
/// The states are those of tokio-util's `Framed`:
///
/// | state | `is_eof` | `is_readable` | `has_failed` | next |
/// |---|---|---|---|---|
/// | reading | no | no | no | reads; decodes what came, or what is left at the end |
/// | framing | no | yes | no | decodes until there is no frame, then reads |
/// | ending | yes | yes | no | decodes what is left, until there is no frame; answers `None` then |
/// | ended | yes | no | no | reads again: a transport may go on after its end |
/// | failed | any | any | yes | answers `None` once, then reads |
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) chain: ChainMut,
    intake: Intake,
    is_eof: bool,
    is_readable: bool,
    has_failed: bool,
}

impl Reading {
    /// Goes on with bytes that were read before.
    pub(super) fn new(chain: ChainMut) -> Self {
        Self { is_readable: !chain.is_empty(), chain, intake: Intake::new(), is_eof: false, has_failed: false }
    }

    pub(super) fn poll_next<T: AsyncRead, D: Decoder>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut T>,
        codec: &mut D,
    ) -> Poll<Option<Result<D::Item, D::Error>>> {
        loop {
            if std::mem::take(&mut self.has_failed) {
                self.is_readable = false;
                return Poll::Ready(None);
            }
            if self.is_readable {
                match self.decode(codec) {
                    Ok(None) => self.is_readable = false,
                    Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                    Err(error) => return self.fail(error),
                }
                if self.is_eof {
                    return Poll::Ready(None);
                }
            }
            match ready!(self.intake.poll_read(cx, io.as_mut(), &mut self.chain)) {
                Ok(0) if self.is_eof => return Poll::Ready(None),
                Ok(count) => self.is_eof = count == 0,
                Err(error) => return self.fail(error.into()),
            }
            self.is_readable = true;
        }
    }

    fn decode<D: Decoder>(&mut self, codec: &mut D) -> Result<Option<D::Item>, D::Error> {
        let decoded = if self.is_eof { codec.decode_eof(&mut self.chain) } else { codec.decode(&mut self.chain) };
        if self.chain.is_empty() {
            self.chain.release_room();
        }
        decoded
    }

    fn fail<I, E>(&mut self, error: E) -> Poll<Option<Result<I, E>>> {
        self.has_failed = true;
        Poll::Ready(Some(Err(error)))
    }
}
