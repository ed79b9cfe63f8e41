//! `Upgrade`: from hyper's connection to a socket.

use std::{io, sync::Arc};

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{rt::TokioIo, server::conn::auto};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{agreed::Agreed, early::lease_early};
use crate::{
    http::serve::into_socket,
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
    on_upgrade: OnUpgrade,
    agreed: Agreed,
    config: Arc<Config>,
}

impl Upgrade {
    pub(in crate::ws) fn new(on_upgrade: OnUpgrade, agreed: Agreed, config: Arc<Config>) -> Self {
        Self(Box::new(Handshake { on_upgrade, agreed, config }))
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
    /// server stays with hyper, in a box.
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
        let upgraded = self.on_upgrade.await.map_err(io::Error::other)?;
        let (io, early) = take_apart(upgraded);
        let early = lease_early(early, account).await?;
        Ok(WebSocket::with_early(io, Role::Server, early, self.config)
            .with_per_message(self.agreed.per_message))
    }
}

/// The transport of a connection, as bare as possible, and the bytes that were read of it already.
fn take_apart(upgraded: Upgraded) -> (AnyStream, Bytes) {
    let socket =
        socket_of::<TcpStream>(upgraded).or_else(unix_socket_of).or_else(socket_of::<AnyStream>);
    socket.unwrap_or_else(|upgraded| (AnyStream::new(TokioIo::new(upgraded)), Bytes::new()))
}

#[cfg(unix)]
fn unix_socket_of(upgraded: Upgraded) -> Result<(AnyStream, Bytes), Upgraded> {
    socket_of::<UnixStream>(upgraded)
}

#[cfg(not(unix))]
fn unix_socket_of(upgraded: Upgraded) -> Result<(AnyStream, Bytes), Upgraded> {
    Err(upgraded)
}

/// The transport, if it is a `T` and the server is one of the three that are known here.
fn socket_of<T>(upgraded: Upgraded) -> Result<(AnyStream, Bytes), Upgraded>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + Into<AnyStream> + 'static,
{
    let upgraded = match into_socket::<T>(upgraded) {
        Ok(socket) => return Ok(socket),
        Err(upgraded) => upgraded,
    };
    let upgraded = match upgraded.downcast::<TokioIo<T>>() {
        Ok(parts) => return Ok((parts.io.into_inner().into(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    // axum's.
    let parts = auto::upgrade::downcast::<TokioIo<T>>(upgraded)?;
    Ok((parts.io.into_inner().into(), parts.read_buf))
}
