//! `RemoteAddr`: the address of a connection's client.

use std::{any::Any, fmt, net::SocketAddr, sync::Arc};

/// The address of a connection's client, as its listener told it when it accepted the connection.
///
/// It is of the listener's [`Addr`](super::Listener::Addr). A service finds it with
/// [`RequestBody::remote_addr`](super::RequestBody::remote_addr); a service that was made by
/// [`from_incoming`](super::from_incoming) finds a `RemoteAddr` among the extensions of its
/// request. Handlers of axum take `ConnectInfo`.
///
/// # Examples
/// ```no_run
/// use std::{convert::Infallible, net::SocketAddr};
/// use http_body_util::Full;
/// use hyper::{Request, Response, body::{Bytes, Incoming}, service::service_fn};
/// use leasehold::http::{serve, serve::{RemoteAddr, from_incoming}};
///
/// async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
///     let client = request.extensions().get::<RemoteAddr>().expect("from_incoming adds it");
///     let client = client.get::<SocketAddr>();
///     Ok(Response::new(Full::from(format!("you are {client:?}"))))
/// }
///
/// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// serve(listener, from_incoming(service_fn(answer))).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteAddr(Kind);

/// An address of TCP is kept in place: it costs no allocation.
#[derive(Clone)]
enum Kind {
    Unknown,
    Tcp(SocketAddr),
    Other(Arc<dyn Any + Send + Sync>),
}

impl RemoteAddr {
    /// No listener has told one.
    pub(super) fn unknown() -> Self {
        Self(Kind::Unknown)
    }

    pub(super) fn new<A: Send + Sync + 'static>(addr: A) -> Self {
        let any = &addr as &dyn Any;
        if let Some(&tcp) = any.downcast_ref() {
            return Self(Kind::Tcp(tcp));
        }
        match unnamed(any) {
            Some(unnamed) => Self(Kind::Other(unnamed)),
            None => Self(Kind::Other(Arc::new(addr))),
        }
    }

    /// The address, if `A` is its type.
    pub fn get<A: 'static>(&self) -> Option<&A> {
        match &self.0 {
            Kind::Unknown => None,
            Kind::Tcp(addr) => (addr as &dyn Any).downcast_ref(),
            Kind::Other(addr) => addr.downcast_ref(),
        }
    }
}

/// Most clients of Unix sockets have no name: all of them share one address.
#[cfg(unix)]
fn unnamed(addr: &dyn Any) -> Option<Arc<dyn Any + Send + Sync>> {
    use std::sync::OnceLock;
    use tokio::net::unix::SocketAddr;

    static UNNAMED: OnceLock<Arc<SocketAddr>> = OnceLock::new();
    let addr = addr.downcast_ref::<SocketAddr>().filter(|addr| addr.is_unnamed())?;
    Some(Arc::clone(UNNAMED.get_or_init(|| Arc::new(addr.clone()))) as _)
}

#[cfg(not(unix))]
fn unnamed(_: &dyn Any) -> Option<Arc<dyn Any + Send + Sync>> {
    None
}

impl fmt::Debug for RemoteAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unknown => f.write_str("RemoteAddr(unknown)"),
            Kind::Tcp(addr) => f.debug_tuple("RemoteAddr").field(addr).finish(),
            Kind::Other(_) => f.debug_tuple("RemoteAddr").finish_non_exhaustive(),
        }
    }
}
