//! `PerMessage`: what a socket has of permessage-deflate.

use std::task::{Context, Poll, ready};

use ::http::HeaderValue;

use super::{agreement::DeflateAgreement, deflating::Deflating, inflating::Inflating, set::Place};
use crate::{
    chain::{Chain, ChainMut},
    ws::{
        config::Config,
        error::Error,
        header::Header,
        reading::{Incoming, Reading, Rules},
    },
};

/// What was agreed on, and what is under way: at most one message each way, and nothing on the heap between messages.
#[derive(Debug, Default)]
pub(in crate::ws) struct PerMessage {
    agreed: Option<DeflateAgreement>,
    inflating: Option<Box<Inflating>>,
    deflating: Option<Box<Deflating>>,
}

impl PerMessage {
    pub(in crate::ws) fn new(agreed: DeflateAgreement) -> Self {
        Self { agreed: Some(agreed), ..Self::default() }
    }

    /// What a server with these settings agrees to, of the lines of a client's `Sec-WebSocket-Extensions`, and how it says so.
    pub(in crate::ws) fn agree(config: &Config, lines: &[HeaderValue]) -> (Self, Option<HeaderValue>) {
        let answer = config.deflate.as_ref().and_then(|deflate| deflate.answer_to(lines));
        answer.map_or((Self::default(), None), |(agreement, answer)| (Self::new(agreement), Some(answer)))
    }

    /// Whether messages may be compressed.
    pub(in crate::ws) fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// Takes the next message out of what was read, inflated; none if more is needed.
    ///
    /// Cancel safe: what is under way stays here.
    pub(in crate::ws) fn poll_decode(
        &mut self,
        cx: &mut Context<'_>,
        reading: &mut Reading,
        rules: Rules<'_>,
    ) -> Poll<Result<Option<Incoming>, Error>> {
        let message_max = rules.config.message_max;
        if let Some(inflating) = &mut self.inflating {
            let inflated = ready!(inflating.poll(cx, message_max));
            self.inflating = None;
            return Poll::Ready(inflated.map(Some));
        }
        let (is_text, payload, agreed) = match (reading.decode(rules)?, &self.agreed) {
            (Some(Incoming::Data { is_text, is_compressed: true, payload }), Some(agreed)) => {
                (is_text, payload, agreed)
            }
            (incoming, _) => return Poll::Ready(Ok(incoming)),
        };
        let place = Place::new(agreed.shared.decompressors.clone());
        // Most messages are inflated at once, and never in a box.
        let mut inflating = Inflating::new(is_text, payload, reading.chain().sibling(), place);
        let polled = inflating.poll(cx, message_max);
        if polled.is_pending() {
            self.inflating = Some(Box::new(inflating));
        }
        polled.map_ok(Some)
    }

    /// Drops what came.
    pub(in crate::ws) fn clear(&mut self) {
        self.inflating = None;
    }

    /// Compresses a message if it is worth it, into leases from where `chain` leases. Returned is what is ready to be sent; what is not
    /// comes from `poll_deflate`.
    pub(in crate::ws) fn deflate(
        &mut self,
        header: Header,
        payload: Chain,
        chain: &ChainMut,
    ) -> Option<(Header, Chain)> {
        let Some((shared, compressor)) = self
            .agreed
            .as_ref()
            .filter(|agreed| payload.len() >= agreed.shared.message_min)
            .and_then(|agreed| Some((&agreed.shared, agreed.shared.try_compressor(agreed.window_bits?)?)))
        else {
            return Some((header, payload));
        };
        let place = Place::new(shared.compressors.clone());
        let mut deflating = Deflating::new(header, payload, chain.sibling(), place);
        let sent = deflating.begin(compressor);
        if sent.is_none() {
            self.deflating = Some(Box::new(deflating));
        }
        sent
    }

    /// The message that is under way, once it is ready to be sent; none if none is.
    pub(in crate::ws) fn poll_deflate(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Header, Chain)>> {
        let Some(deflating) = &mut self.deflating else { return Poll::Ready(None) };
        let sent = ready!(deflating.poll(cx));
        self.deflating = None;
        Poll::Ready(Some(sent))
    }

    /// The message that is under way, as it is: there is no time to compress it.
    pub(in crate::ws) fn give_up_deflating(&mut self) -> Option<(Header, Chain)> {
        Some(self.deflating.take()?.as_it_is())
    }
}
