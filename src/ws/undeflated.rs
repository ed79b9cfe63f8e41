//! `PerMessage`, without feature `deflate`: every message is as it is.

use std::task::{Context, Poll};

use ::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{
    config::Config,
    error::Error,
    fields::elements,
    header::Header,
    reading::{Incoming, Reading, Rules},
    violation::Violation,
};
use crate::chain::{Chain, ChainMut};

#[derive(Debug, Default)]
pub(super) struct PerMessage {}

impl PerMessage {
    pub(super) fn agree(_: &Config, _: &[HeaderValue]) -> (Self, Option<HeaderValue>) {
        (Self::default(), None)
    }

    pub(super) fn offer(_: &Config) -> Option<HeaderValue> {
        None
    }

    /// None if there is an extension: none was offered.
    pub(super) fn accept(_: &Config, headers: &HeaderMap) -> Option<Self> {
        elements(headers.get_all(SEC_WEBSOCKET_EXTENSIONS)).next().is_none().then(Self::default)
    }

    pub(super) fn is_agreed(&self) -> bool {
        false
    }

    pub(super) fn poll_decode(
        &mut self,
        _: &mut Context<'_>,
        reading: &mut Reading,
        rules: Rules<'_>,
    ) -> Poll<Result<Option<Incoming>, Error>> {
        match reading.decode(rules) {
            // The rules are that nothing comes compressed; there is nothing to inflate it.
            Ok(Some(Incoming::Data { is_compressed: true, .. })) => Poll::Ready(Err(Violation::Inflate.into())),
            decoded => Poll::Ready(decoded),
        }
    }

    pub(super) fn clear(&mut self) {}

    pub(super) fn deflate(&mut self, header: Header, payload: Chain, _: &ChainMut) -> Option<(Header, Chain)> {
        Some((header, payload))
    }

    pub(super) fn poll_deflate(&mut self, _: &mut Context<'_>) -> Poll<Option<(Header, Chain)>> {
        Poll::Ready(None)
    }

    pub(super) fn is_deflating(&self) -> bool {
        false
    }

    pub(super) fn give_up_deflating(&mut self) -> Option<(Header, Chain)> {
        None
    }
}
