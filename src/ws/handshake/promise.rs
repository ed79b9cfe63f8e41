//! `Promise`: the transport that a server gives to a WebSocket once its response is sent.

use std::io;

use ::http::{Extensions, Version};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{rt::TokioIo, server::conn::auto};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::upgrade_error::UpgradeError;
use crate::{
    http::serve::{Tunnel, into_socket},
    io::AnyStream,
};

#[derive(Debug)]
pub(in crate::ws) enum Promise {
    /// Of a whole connection, on HTTP/1.
    Connection(OnUpgrade),
    /// Of one stream of a connection, on HTTP/2. The tunnel is there if the server is ours.
    Stream(OnUpgrade, Option<Tunnel>),
}

impl Promise {
    /// Takes hyper's promise out of a request; it is there once.
    pub(in crate::ws) fn take(
        version: Version,
        extensions: &mut Extensions,
    ) -> Result<Self, UpgradeError> {
        let on_upgrade = extensions.remove().ok_or(UpgradeError::not_ours())?;
        if version <= Version::HTTP_11 {
            return Ok(Self::Connection(on_upgrade));
        }
        Ok(Self::Stream(on_upgrade, extensions.remove()))
    }

    /// Waits for the transport. It is as bare as possible, and comes with the bytes that were read
    /// of it already.
    pub(in crate::ws) async fn transport(self) -> io::Result<(AnyStream, Bytes)> {
        match self {
            Self::Connection(on_upgrade) => {
                Ok(take_apart(on_upgrade.await.map_err(io::Error::other)?))
            }
            Self::Stream(on_upgrade, tunnel) => {
                let upgraded = on_upgrade.await.map_err(io::Error::other)?;
                Ok((Tunnel::stream(tunnel, upgraded), Bytes::new()))
            }
        }
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
