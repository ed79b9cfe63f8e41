//! `WebSocketUpgrade`: a request for a WebSocket, as an extractor.

use std::{borrow::Cow, fmt, future::Future, sync::Arc};

use ::http::request::Parts;
use axum_core::{
    body::Body,
    extract::{FromRef, FromRequestParts},
    response::Response,
};

use crate::{
    io::AnyStream,
    pool::Account,
    ws::{
        Config, Error, Upgrade, UpgradeError, WebSocket,
        handshake::{agreed::Agreed, offer::Offer, promise::Promise},
    },
};

/// Called with the error of an upgrade that failed after the response was made.
type OnFailedUpgrade = Box<dyn FnOnce(Error) + Send>;

/// A request for a WebSocket, as an extractor like axum's own.
///
/// Each socket gets an account of its own, inside the [`Account`] of the router's state, of at most
/// [`Config::max_leased`] bytes. Its name is "websocket" unless
/// [`account_name`](Self::account_name) sets another one. The account in the request's extensions
/// is not used: it ends when HTTP is done with the connection.
///
/// Route it with `any`: a WebSocket begins with a GET on HTTP/1, and with a CONNECT on HTTP/2. A
/// route of `get` takes the former only.
///
/// As with [`upgrade`](crate::ws::upgrade()), a server that trusts
/// cookies must check the Origin first.
///
/// # Errors
/// [`UpgradeError`], with its status and text: the request is no handshake, or a broken one.
///
/// # Examples
/// In [the module's docs](super).
#[must_use = "the client waits for the response of `on_upgrade`"]
pub struct WebSocketUpgrade {
    offer: Offer,
    agreed: Agreed,
    promise: Promise,
    pool: Account,
    account_name: Cow<'static, str>,
    config: Arc<Config>,
    on_failed_upgrade: Option<OnFailedUpgrade>,
}

impl WebSocketUpgrade {
    /// Sets the subprotocols that the server speaks. The first of the client's subprotocols that is
    /// among them is agreed on.
    pub fn protocols<I: IntoIterator<Item: Into<Cow<'static, str>>>>(self, protocols: I) -> Self {
        let known: Vec<_> = protocols.into_iter().map(Into::into).collect();
        Self { agreed: self.offer.agree(&known), ..self }
    }

    /// Sets the settings of the socket, and the limit of its account.
    pub fn config(self, config: Arc<Config>) -> Self {
        Self { config, ..self }
    }

    /// Sets the name of the socket's account, for [`Stats`](crate::Stats) and errors.
    pub fn account_name(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { account_name: name.into(), ..self }
    }

    /// Sets a function that is called if no socket comes of it: the connection is gone before the
    /// response was sent, or there was no memory for bytes that the client has sent behind its
    /// request. By default the error is dropped.
    pub fn on_failed_upgrade(self, callback: impl FnOnce(Error) + Send + 'static) -> Self {
        Self { on_failed_upgrade: Some(Box::new(callback)), ..self }
    }

    /// The subprotocols that the client speaks, the preferred one first.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &str> {
        self.offer.protocols()
    }

    /// The subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.protocol()
    }

    /// Makes the response. Once the client has it, `callback` gets the socket, in a task of its
    /// own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use = "the client waits for this response"]
    pub fn on_upgrade<C, F>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket<AnyStream>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { offer, agreed, promise, pool, account_name, config, on_failed_upgrade } = self;
        let (agreed, response) = agreed.answer(offer.key, &offer.extensions, &config);
        let account = pool.account(account_name, config.max_leased);
        let upgrade = Upgrade::new(promise, agreed, config);
        tokio::spawn(async move {
            match upgrade.accept(&account).await {
                Ok(socket) => callback(socket).await,
                Err(error) => {
                    if let Some(callback) = on_failed_upgrade {
                        callback(error);
                    }
                }
            }
        });
        response.map(Body::new)
    }
}

impl<S> FromRequestParts<S> for WebSocketUpgrade
where
    Account: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = UpgradeError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UpgradeError> {
        let offer = Offer::of(&parts.method, parts.version, &parts.headers, &parts.extensions)?;
        Ok(Self {
            promise: Promise::take(parts.version, &mut parts.extensions)?,
            offer,
            agreed: Agreed::default(),
            pool: Account::from_ref(state),
            account_name: "websocket".into(),
            config: Config::shared(),
            on_failed_upgrade: None,
        })
    }
}

impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("offer", &self.offer)
            .field("agreed", &self.agreed)
            .field("account_name", &self.account_name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
