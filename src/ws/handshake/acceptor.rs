//! `Acceptor`: a server's part of the handshake.

use std::{borrow::Cow, sync::Arc};

use ::http::{Extensions, Request, Response};
use hyper::upgrade::OnUpgrade;

use super::{offer::Offer, upgrade::Upgrade, upgrade_error::UpgradeError};
use crate::{http::BytesBody, ws::socket::config::Config};

/// Answers a request for a WebSocket, on hyper, with the default settings; [`Acceptor`] has others.
///
/// Returns the response to send, and what becomes the socket then: [`Upgrade::accept`] it in a task
/// of its own. The response may get more headers, and another body, which is not sent.
///
/// Refuse before this, rather than change the response: hyper gives the connection away once it is
/// done with it, whatever was answered.
///
/// Browsers open WebSockets from pages of any site, with their cookies: a server that goes by
/// cookies looks at the Origin first (RFC 6455 §10.2).
///
/// # Errors
/// The request is no handshake, or a broken one, by RFC 6455 §4.2.1;
/// [`UpgradeError::into_response`] tells the client.
///
/// # Examples
/// In [the module's docs](crate::ws).
pub fn upgrade<B>(
    request: &mut Request<B>,
) -> Result<(Response<BytesBody>, Upgrade), UpgradeError> {
    Acceptor::new().upgrade(request)
}

/// How a server on hyper answers requests for WebSockets: one for many of them.
#[derive(Clone, Debug)]
pub struct Acceptor {
    protocols: Vec<Cow<'static, str>>,
    config: Arc<Config>,
}

impl Acceptor {
    /// Without subprotocols, and with the default settings.
    pub fn new() -> Self {
        Self { protocols: Vec::new(), config: Config::shared() }
    }

    /// The subprotocols that are spoken here: of those that a client speaks, the first that is
    /// among them is agreed on.
    ///
    /// A client that speaks none of them gets a socket too, without a subprotocol: see
    /// [`Upgrade::protocol`].
    #[must_use]
    pub fn protocols<I: IntoIterator<Item: Into<Cow<'static, str>>>>(self, protocols: I) -> Self {
        Self { protocols: protocols.into_iter().map(Into::into).collect(), ..self }
    }

    /// The settings of the sockets.
    #[must_use]
    pub fn config(self, config: Arc<Config>) -> Self {
        Self { config, ..self }
    }

    /// As [`upgrade`](upgrade()), with these settings.
    ///
    /// # Errors
    /// As there.
    pub fn upgrade<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(Response<BytesBody>, Upgrade), UpgradeError> {
        let offer = Offer::of(request.method(), request.version(), request.headers())?;
        let on_upgrade = take_on_upgrade(request.extensions_mut())?;
        Ok(self.answer(&offer, on_upgrade))
    }

    pub(in crate::ws) fn answer(
        &self,
        offer: &Offer,
        on_upgrade: OnUpgrade,
    ) -> (Response<BytesBody>, Upgrade) {
        let agreed = offer.agree(&self.protocols);
        let (agreed, response) = agreed.answer(offer.key, &offer.extensions, &self.config);
        (response, Upgrade::new(on_upgrade, agreed, Arc::clone(&self.config)))
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self::new()
    }
}

/// hyper's promise of the connection, which can be had once.
pub(in crate::ws) fn take_on_upgrade(
    extensions: &mut Extensions,
) -> Result<OnUpgrade, UpgradeError> {
    extensions.remove().ok_or(UpgradeError::not_ours())
}
