//! `PerMessage`: what a socket has of permessage-deflate.

use std::task::{Context, Poll, ready};

use ::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{
    Deflate, agreement::DeflateAgreement, deflating::Deflating, extension::extensions, inflating::Inflating, set::Place,
};
use crate::{
    chain::{Chain, ChainMut},
    ws::{
        config::Config,
        error::Error,
        header::Header,
        reading::{Incoming, Reading, Rules},
    },
};

/// What was agreed on, and what is under way: nothing on the heap between messages.
#[derive(Debug, Default)]
pub(in crate::ws) struct PerMessage {
    agreed: Option<DeflateAgreement>,
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
        Self { agreed: Some(agreed), ..Self::default() }
    }

    /// What a server with these settings agrees to, of the lines of a client's `Sec-WebSocket-Extensions`, and how it says so.
    pub(in crate::ws) fn agree(config: &Config, lines: &[HeaderValue]) -> (Self, Option<HeaderValue>) {
        let answer = config.deflate.as_ref().and_then(|deflate| deflate.answer_to(lines));
        answer.map_or((Self::default(), None), |(agreement, answer)| (Self::new(agreement), Some(answer)))
    }

    /// What a client with these settings offers, as its `Sec-WebSocket-Extensions`.
    pub(in crate::ws) fn offer(config: &Config) -> Option<HeaderValue> {
        config.deflate.as_ref().map(Deflate::offer)
    }

    /// What a server has agreed to; none if it was not offered, or not so.
    pub(in crate::ws) fn accept(config: &Config, headers: &HeaderMap) -> Option<Self> {
        match &config.deflate {
            Some(deflate) => deflate.accept(headers).ok().map(|agreement| agreement.map(Self::new).unwrap_or_default()),
            None => extensions(headers.get_all(SEC_WEBSOCKET_EXTENSIONS)).ok()?.is_empty().then(Self::default),
        }
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
        if let Some(UnderWay { inflating: Some(inflating), .. }) = self.under_way.as_deref_mut() {
            let inflated = ready!(inflating.poll(cx, message_max));
            self.clear();
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
            self.under_way.get_or_insert_default().inflating = Some(inflating);
        }
        polled.map_ok(Some)
    }

    /// Drops what came.
    pub(in crate::ws) fn clear(&mut self) {
        self.under_way = self.under_way.take().filter(|under_way| under_way.deflating.is_some());
        self.under_way.iter_mut().for_each(|under_way| under_way.inflating = None);
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
            self.under_way.get_or_insert_default().deflating = Some(deflating);
        }
        sent
    }

    /// The message that is under way, once it is ready to be sent; none if none is.
    pub(in crate::ws) fn poll_deflate(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Header, Chain)>> {
        let Some(UnderWay { deflating: Some(deflating), .. }) = self.under_way.as_deref_mut() else {
            return Poll::Ready(None);
        };
        let sent = ready!(deflating.poll(cx));
        self.take_deflating();
        Poll::Ready(Some(sent))
    }

    /// The message that is under way, as it is: there is no time to compress it.
    pub(in crate::ws) fn give_up_deflating(&mut self) -> Option<(Header, Chain)> {
        Some(self.take_deflating()?.as_it_is())
    }

    fn take_deflating(&mut self) -> Option<Deflating> {
        let deflating = self.under_way.as_mut()?.deflating.take();
        self.under_way = self.under_way.take().filter(|under_way| under_way.inflating.is_some());
        deflating
    }
}
