//! `PerMessage` without the feature `deflate`: no message is compressed.

use std::task::{Context, Poll};

use ::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{
    handshake::fields::elements,
    protocol::{
        error::Error,
        header::Header,
        reading::{Incoming, Reading, Rules},
        violation::Violation,
    },
    socket::config::Config,
};
use crate::chain::{Chain, ChainMut};

#[derive(Debug, Default)]
pub(in crate::ws) struct PerMessage {}

impl PerMessage {
    pub(in crate::ws) fn agree(_: &Config, _: &[HeaderValue]) -> (Self, Option<HeaderValue>) {
        (Self::default(), None)
    }

    pub(in crate::ws) fn offer(_: &Config) -> Option<HeaderValue> {
        None
    }

    /// Fails if there is an extension: none was offered.
    pub(in crate::ws) fn accept(_: &Config, headers: &HeaderMap) -> Option<Self> {
        elements(headers.get_all(SEC_WEBSOCKET_EXTENSIONS)).next().is_none().then(Self::default)
    }

    pub(in crate::ws) fn is_agreed(&self) -> bool {
        false
    }

    pub(in crate::ws) fn poll_decode(
        &mut self,
        _: &mut Context<'_>,
        reading: &mut Reading,
        rules: Rules<'_>,
    ) -> Poll<Result<Option<Incoming>, Error>> {
        match reading.decode(rules) {
            // `decode` has refused compressed frames already.
            Ok(Some(Incoming::Data { is_compressed: true, .. })) => {
                Poll::Ready(Err(Violation::Inflate.into()))
            }
            decoded => Poll::Ready(decoded),
        }
    }

    pub(in crate::ws) fn clear(&mut self) {}

    pub(in crate::ws) fn deflate(
        &mut self,
        header: Header,
        payload: Chain,
        _: &ChainMut,
    ) -> Option<(Header, Chain)> {
        Some((header, payload))
    }

    pub(in crate::ws) fn poll_deflate(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<Option<(Header, Chain)>> {
        Poll::Ready(None)
    }

    pub(in crate::ws) fn is_deflating(&self) -> bool {
        false
    }

    pub(in crate::ws) fn give_up_deflating(&mut self) -> Option<(Header, Chain)> {
        None
    }
}
