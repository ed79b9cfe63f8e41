//! `Reading`: the half of a framed transport that decodes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncRead;

use super::{
    Decoder,
    states::{Frames, States},
};
use crate::{chain::ChainMut, io::ChainReader};

/// The bytes that were read and not decoded, and the state of decoding.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) chain: ChainMut,
    chain_reader: ChainReader,
    states: States,
}

impl Reading {
    /// Goes on with bytes that were read before.
    pub(super) fn new(chain: ChainMut) -> Self {
        Self { states: States::new(!chain.is_empty()), chain, chain_reader: ChainReader::new() }
    }

    /// Goes on for another decoder, which may find frames in the bytes that are left.
    pub(super) fn anew(self) -> Self {
        Self { states: States::new(!self.chain.is_empty()), ..self }
    }

    pub(super) fn poll_next<T: AsyncRead, D: Decoder>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
        decoder: &mut D,
    ) -> Poll<Option<Result<D::Item, D::Error>>> {
        let Self { chain, chain_reader, states } = self;
        states.poll_next(cx, &mut Source { io, decoder, chain, chain_reader })
    }
}

struct Source<'a, T, D> {
    io: Pin<&'a mut T>,
    decoder: &'a mut D,
    chain: &'a mut ChainMut,
    chain_reader: &'a mut ChainReader,
}

impl<T: AsyncRead, D: Decoder> Frames for Source<'_, T, D> {
    type Item = D::Item;
    type Error = D::Error;

    fn decode(&mut self, is_eof: bool) -> Result<Option<D::Item>, D::Error> {
        let decoded = if is_eof {
            self.decoder.decode_eof(self.chain)
        } else {
            self.decoder.decode(self.chain)
        };
        if self.chain.is_empty() {
            self.chain.release_room();
        }
        decoded
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.chain_reader.poll_read(cx, self.io.as_mut(), self.chain)
    }
}
