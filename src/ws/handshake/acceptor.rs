//! `Acceptor`: the server's part of the handshake.

use std::{borrow::Cow, sync::Arc};

use ::http::{Request, Response};

use super::{offer::Offer, promise::Promise, upgrade::Upgrade, upgrade_error::UpgradeError};
use crate::{http::BytesBody, ws::socket::config::Config};

/// Answers a request for a WebSocket, on hyper, with the default settings; [`Acceptor`] has other
/// settings.
///
/// The request is a GET on HTTP/1, and an extended CONNECT on HTTP/2 (RFC 8441). Both get a socket
/// that behaves the same.
///
/// Returns the response to send, and an [`Upgrade`] that becomes the socket:
/// [`accept`](Upgrade::accept) it in a task of its own. You may add headers to the response. A body
/// is never sent.
///
/// To refuse a client, do so before this call, and do not change the status of the response: hyper
/// gives the connection away whatever was answered.
///
/// Browsers open WebSockets from pages of any site, with the user's cookies. So a server that
/// trusts cookies must check the Origin first (RFC 6455 §10.2).
///
/// # Errors
/// The request is no handshake, or a broken one (RFC 6455 §4.2.1, RFC 8441 §4).
/// [`UpgradeError::into_response`] makes the answer to the client.
///
/// # Examples
/// In [the module's docs](crate::ws).
pub fn upgrade<B>(
    request: &mut Request<B>,
) -> Result<(Response<BytesBody>, Upgrade), UpgradeError> {
    Acceptor::new().upgrade(request)
}

/// The settings with which a server on hyper answers requests for WebSockets. One serves many
/// requests.
///
/// # Examples
/// ```no_run
/// use std::sync::Arc;
/// use hyper::{Request, Response};
/// use leasehold::{Account, http::{BytesBody, serve::RequestBody}, ws::{Acceptor, Config}};
///
/// fn answer(mut request: Request<RequestBody>, sockets: Account) -> Response<BytesBody> {
///     // Better: one `Config` and one `Acceptor` for all requests.
///     let config = Arc::new(Config::new().max_message_size(64 << 10));
///     let acceptor = Acceptor::new().protocols(["chat"]).config(config);
///     let (response, upgrade) = match acceptor.upgrade(&mut request) {
///         Ok(upgrading) => upgrading,
///         Err(error) => return error.into_response(),
///     };
///     tokio::spawn(async move {
///         let speaks_chat = upgrade.protocol() == Some("chat");
///         let mut socket = upgrade.accept(&sockets.account("socket", 256 << 10)).await?;
///         socket.send(if speaks_chat { "welcome" } else { "please speak chat" }).await?;
///         socket.close(None).await
///     });
///     response
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Acceptor {
    protocols: Vec<Cow<'static, str>>,
    config: Arc<Config>,
}

impl Acceptor {
    /// Makes an acceptor without subprotocols and with the default settings.
    pub fn new() -> Self {
        Self { protocols: Vec::new(), config: Config::shared() }
    }

    /// Sets the subprotocols that the server speaks. The first of the client's subprotocols that is
    /// among them is agreed on.
    ///
    /// A client that speaks none of them still gets a socket, without a subprotocol: see
    /// [`Upgrade::protocol`].
    #[must_use]
    pub fn protocols<I: IntoIterator<Item: Into<Cow<'static, str>>>>(self, protocols: I) -> Self {
        Self { protocols: protocols.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the settings of the sockets.
    #[must_use]
    pub fn config(self, config: Arc<Config>) -> Self {
        Self { config, ..self }
    }

    /// As [`upgrade`](upgrade()), with these settings.
    ///
    /// # Errors
    /// As [`upgrade`](upgrade()).
    pub fn upgrade<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(Response<BytesBody>, Upgrade), UpgradeError> {
        let version = request.version();
        let offer = Offer::of(request.method(), version, request.headers(), request.extensions())?;
        let promise = Promise::take(version, request.extensions_mut())?;
        let agreed = offer.agree(&self.protocols);
        let (agreed, response) = agreed.answer(offer.key, &offer.extensions, &self.config);
        Ok((response, Upgrade::new(promise, agreed, Arc::clone(&self.config))))
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self::new()
    }
}
