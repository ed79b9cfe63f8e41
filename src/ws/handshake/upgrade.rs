//! `Upgrade`: from hyper's connection to a socket.

use std::sync::Arc;

use super::{agreed::Agreed, early::lease_early, promise::Promise};
use crate::{
    io::AnyStream,
    pool::Account,
    ws::{
        protocol::{error::Error, role::Role},
        socket::{WebSocket, config::Config},
    },
};

/// The promise of a WebSocket, once the client has its response: from
/// [`upgrade`](crate::ws::upgrade()) or [`Acceptor::upgrade`](crate::ws::Acceptor::upgrade).
///
/// [`accept`](Self::accept) it in a task of its own: hyper gives the connection away only after the
/// response is sent.
///
/// # Examples
/// In the docs of [`Acceptor`](crate::ws::Acceptor) and of [the module](crate::ws).
#[must_use = "a socket that is not accepted is closed"]
#[derive(Debug)]
pub struct Upgrade(Box<Handshake>);

/// In a box, and so is the future of [`accept`](Upgrade::accept). Otherwise the task of the socket
/// would keep room for both as long as the socket lives.
#[derive(Debug)]
struct Handshake {
    promise: Promise,
    agreed: Agreed,
    config: Arc<Config>,
}

impl Upgrade {
    pub(in crate::ws) fn new(promise: Promise, agreed: Agreed, config: Arc<Config>) -> Self {
        Self(Box::new(Handshake { promise, agreed, config }))
    }

    /// The subprotocol that was agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.0.agreed.protocol()
    }

    /// Waits until the response is sent, and takes the connection over.
    ///
    /// The blocks that the socket reads into are charged to `account`. Frames that the client has
    /// sent with its request are copied into leased blocks, and all that hyper held for the
    /// connection is freed. The transport is the bare socket again, if the server is
    /// [`serve`](crate::http::serve()), stock hyper or `axum::serve`. The transport of another
    /// server stays with hyper, in a box. So does a stream of HTTP/2.
    ///
    /// When a server of this crate stops, the socket sends a close frame with 1001 (going away)
    /// behind its queue, once its task waits to receive. The peer has
    /// [`close_timeout`](crate::ws::Config::close_timeout) to answer. When the server's
    /// [`shutdown_timeout`](crate::http::serve::Serve::shutdown_timeout) is over, the socket fails.
    ///
    /// Do not charge it to the account that [`Serve::pool`](crate::http::serve::Serve::pool) gives
    /// with a request: that account is for HTTP, and ends with it.
    ///
    /// # Errors
    /// The connection is gone, or has gone on with HTTP ([`Error::is_io`]); or there was no memory
    /// for frames that came early ([`Error::is_lease`]).
    ///
    /// # Cancel safety
    /// Not cancel safe: the connection is closed.
    ///
    /// # Panics
    /// If it must wait for memory outside of a tokio runtime with time enabled.
    pub async fn accept(self, account: &Account) -> Result<WebSocket<AnyStream>, Error> {
        Box::pin(self.0.accept(account)).await
    }
}

impl Handshake {
    async fn accept(self, account: &Account) -> Result<WebSocket<AnyStream>, Error> {
        let (io, early) = self.promise.transport().await?;
        let early = lease_early(early, account).await?;
        Ok(WebSocket::with_early(io, Role::Server, early, self.config)
            .with_per_message(self.agreed.per_message))
    }
}
