//! `PerMessage`: a socket's part of permessage-deflate.

use std::task::{Context, Poll, ready};

use ::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{
    Deflate, agreement::DeflateAgreement, deflating::Deflating, extension::extensions,
    inflating::Inflating, place::CompressorSlot,
};
use crate::{
    chain::{Chain, ChainMut},
    ws::{
        protocol::{
            error::Error,
            header::Header,
            reading::{Incoming, Reading, Rules},
        },
        socket::config::Config,
    },
};

/// The agreement, if there is one. In a box: few sockets have one.
#[derive(Debug, Default)]
pub(in crate::ws) struct PerMessage(Option<Box<Negotiated>>);

/// The agreement, and the messages under way; there are none between messages.
#[derive(Debug)]
struct Negotiated {
    agreed: DeflateAgreement,
    under_way: Option<Box<UnderWay>>,
}

/// At most one message each way.
#[derive(Debug, Default)]
struct UnderWay {
    inflating: Option<Inflating>,
    deflating: Option<Deflating>,
}

impl PerMessage {
    pub(in crate::ws) fn new(agreed: DeflateAgreement) -> Self {
        Self(Some(Box::new(Negotiated { agreed, under_way: None })))
    }

    /// Answers the lines of a client's `Sec-WebSocket-Extensions`, for a server with these
    /// settings.
    pub(in crate::ws) fn agree(
        config: &Config,
        lines: &[HeaderValue],
    ) -> (Self, Option<HeaderValue>) {
        let answer = config.deflate.as_ref().and_then(|deflate| deflate.answer_to(lines));
        answer.map_or((Self::default(), None), |(agreement, answer)| {
            (Self::new(agreement), Some(answer))
        })
    }

    /// Returns the `Sec-WebSocket-Extensions` of a client with these settings.
    pub(in crate::ws) fn offer(config: &Config) -> Option<HeaderValue> {
        config.deflate.as_ref().map(Deflate::offer)
    }

    /// Reads what a server has agreed to; none if that does not fit the offer.
    pub(in crate::ws) fn accept(config: &Config, headers: &HeaderMap) -> Option<Self> {
        match &config.deflate {
            Some(deflate) => deflate
                .accept(headers)
                .ok()
                .map(|agreement| agreement.map(Self::new).unwrap_or_default()),
            None => extensions(headers.get_all(SEC_WEBSOCKET_EXTENSIONS))
                .ok()?
                .is_empty()
                .then(Self::default),
        }
    }

    /// Whether messages may be compressed.
    #[inline]
    pub(in crate::ws) fn is_agreed(&self) -> bool {
        self.0.is_some()
    }

    /// Takes the next message out of the bytes that were read, inflated; none if more bytes are
    /// needed.
    ///
    /// Cancel safe: a message under way stays here.
    #[inline]
    pub(in crate::ws) fn poll_decode(
        &mut self,
        cx: &mut Context<'_>,
        reading: &mut Reading,
        rules: Rules<'_>,
    ) -> Poll<Result<Option<Incoming>, Error>> {
        match &mut self.0 {
            Some(state) => state.poll_decode(cx, reading, rules),
            None => Poll::Ready(reading.decode(rules)),
        }
    }

    /// Drops the message that is being inflated.
    pub(in crate::ws) fn clear(&mut self) {
        self.0.iter_mut().for_each(|state| state.clear());
    }

    /// Compresses a message if that pays, into blocks of the account of `chain`. Returns the
    /// message if it is ready to be sent; otherwise `poll_deflate` yields it.
    pub(in crate::ws) fn deflate(
        &mut self,
        header: Header,
        payload: Chain,
        chain: &ChainMut,
    ) -> Option<(Header, Chain)> {
        match &mut self.0 {
            Some(state) => state.deflate(header, payload, chain),
            None => Some((header, payload)),
        }
    }

    /// Yields the message under way once it is ready to be sent; none if there is none.
    pub(in crate::ws) fn poll_deflate(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Header, Chain)>> {
        let deflating =
            self.0.as_mut().and_then(|state| state.under_way.as_mut()?.deflating.as_mut());
        let Some(deflating) = deflating else { return Poll::Ready(None) };
        let sent = ready!(deflating.poll(cx));
        self.take_deflating();
        Poll::Ready(Some(sent))
    }

    /// Whether a message waits to be compressed.
    pub(in crate::ws) fn is_deflating(&self) -> bool {
        let under_way = self.0.as_ref().and_then(|state| state.under_way.as_ref());
        under_way.is_some_and(|under_way| under_way.deflating.is_some())
    }

    /// Gives up compression, and returns the message under way as it is.
    pub(in crate::ws) fn give_up_deflating(&mut self) -> Option<(Header, Chain)> {
        Some(self.take_deflating()?.as_it_is())
    }

    fn take_deflating(&mut self) -> Option<Deflating> {
        let state = self.0.as_mut()?;
        let deflating = state.under_way.as_mut()?.deflating.take();
        state.under_way = state.under_way.take().filter(|under_way| under_way.inflating.is_some());
        deflating
    }
}

impl Negotiated {
    fn poll_decode(
        &mut self,
        cx: &mut Context<'_>,
        reading: &mut Reading,
        rules: Rules<'_>,
    ) -> Poll<Result<Option<Incoming>, Error>> {
        let max_message_size = rules.config.max_message_size;
        if let Some(UnderWay { inflating: Some(inflating), .. }) = self.under_way.as_deref_mut() {
            let inflated = ready!(inflating.poll(cx, max_message_size));
            self.clear();
            return Poll::Ready(inflated.map(Some));
        }
        let (is_text, payload) = match reading.decode(rules)? {
            Some(Incoming::Data { is_text, is_compressed: true, payload }) => (is_text, payload),
            incoming => return Poll::Ready(Ok(incoming)),
        };
        let place = CompressorSlot::new(self.agreed.shared.decompressors.clone());
        // Most messages are inflated at once, and need no box.
        let mut inflating = Inflating::new(is_text, payload, reading.chain().sibling(), place);
        let polled = inflating.poll(cx, max_message_size);
        if polled.is_pending() {
            self.under_way.get_or_insert_default().inflating = Some(inflating);
        }
        polled.map_ok(Some)
    }

    fn clear(&mut self) {
        self.under_way = self.under_way.take().filter(|under_way| under_way.deflating.is_some());
        self.under_way.iter_mut().for_each(|under_way| under_way.inflating = None);
    }

    fn deflate(
        &mut self,
        header: Header,
        payload: Chain,
        chain: &ChainMut,
    ) -> Option<(Header, Chain)> {
        let shared = &self.agreed.shared;
        let is_worth_it = payload.len() >= shared.min_message_size;
        let compressor = self
            .agreed
            .window_bits
            .filter(|_| is_worth_it)
            .and_then(|bits| shared.try_compressor(bits));
        let Some(compressor) = compressor else { return Some((header, payload)) };
        let place = CompressorSlot::new(shared.compressors.clone());
        let mut deflating = Deflating::new(header, payload, chain.sibling(), place);
        let sent = deflating.begin(compressor);
        if sent.is_none() {
            self.under_way.get_or_insert_default().deflating = Some(deflating);
        }
        sent
    }
}
