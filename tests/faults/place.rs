//! `Place`: where an operation's transports are: in memory, where anything can go wrong with them,
//! or real sockets.

use std::{future::Future, io, sync::Arc};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::TcpStream,
};

#[cfg(unix)]
use crate::peer::Peer;
use crate::{plan::Plan, transport::sockets::tcp_pair, wire::Wire};

/// So many bytes are on their way at most, in memory: less than a large message, so that writers
/// wait.
const ON_THE_WAY: usize = 1_500;

pub(crate) trait Place: Copy + Send + Sync + 'static {
    /// The end that is the operation's.
    type Near: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The end of its peer, where nothing goes wrong.
    type Far: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn pair(
        self,
        plan: &Arc<Plan>,
    ) -> impl Future<Output = io::Result<(Self::Near, Self::Far)>> + Send;
}

#[derive(Clone, Copy)]
pub(crate) struct Memory;

impl Place for Memory {
    type Near = Wire<DuplexStream>;
    type Far = DuplexStream;

    async fn pair(self, plan: &Arc<Plan>) -> io::Result<(Wire<DuplexStream>, DuplexStream)> {
        let (near, far) = tokio::io::duplex(ON_THE_WAY);
        Ok((Wire::new(near, plan), far))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Tcp;

impl Place for Tcp {
    type Near = TcpStream;
    #[cfg(unix)]
    type Far = Peer;
    #[cfg(not(unix))]
    type Far = TcpStream;

    async fn pair(self, _: &Arc<Plan>) -> io::Result<(TcpStream, Self::Far)> {
        let (near, far) = tcp_pair().await;
        #[cfg(unix)]
        let far = Peer::new(far.into_std()?)?;
        Ok((near, far))
    }
}

#[cfg(unix)]
#[derive(Clone, Copy)]
pub(crate) struct Unix;

#[cfg(unix)]
impl Place for Unix {
    type Near = UnixStream;
    type Far = Peer;

    async fn pair(self, _: &Arc<Plan>) -> io::Result<(UnixStream, Peer)> {
        let (near, far) = UnixStream::pair()?;
        Ok((near, Peer::new(far.into_std()?)?))
    }
}
