//! `Connect`: the client's part of the handshake.
//!
//! # Invariants
//! - SMALL: the future of a handshake, some 2 KB, is in a box. The task that goes on with the
//!   socket does not keep room for it.

use std::{future::Future, sync::Arc, time::Duration};

use ::http::{Request, Response, Uri};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    answer::Answer, client_request::ClientRequest, connect_error::ConnectError, early::lease_early,
    target::Target,
};
use crate::{
    io::{AnyStream, write_all_buf},
    pool::Account,
    ws::{
        PerMessage,
        protocol::role::Role,
        socket::{WebSocket, config::Config},
    },
};

/// Longer than any client waits.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// Connects to a server's `ws://` URI, with the default settings; [`Connect`] has other settings.
///
/// Returns the socket, and the response with its headers. The blocks that the socket reads into are
/// charged to `account`. There is no TLS here: for `wss://`, give [`connect_on`] a TLS stream.
///
/// # Errors
/// [`ConnectError`]. If the server refused, the error has its [`response`](ConnectError::response).
///
/// # Cancel safety
/// Not cancel safe: the connection is closed.
///
/// # Panics
/// Outside of a tokio runtime with time and IO enabled.
///
/// # Examples
/// ```no_run
/// use leasehold::{Pool, ws};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(8 << 20)?;
/// let (mut socket, _) = ws::connect("ws://localhost:8080/echo", &pool).await?;
/// socket.send("hello").await?;
/// assert_eq!(socket.recv().await.transpose()?, Some("hello".into()));
/// # Ok(())
/// # }
/// ```
pub fn connect<U>(
    uri: U,
    account: &Account,
) -> impl Future<Output = Result<(WebSocket<AnyStream>, Response<()>), ConnectError>>
where
    Uri: TryFrom<U>,
    <Uri as TryFrom<U>>::Error: Into<::http::Error>,
{
    let connect = Request::get(uri).body(()).map(Connect::new);
    Box::pin(async move { connect?.connect(account).await })
}

/// Does the handshake on a transport that is connected already, with the default settings;
/// [`Connect`] has other settings.
///
/// # Errors
/// As [`connect`].
///
/// # Cancel safety
/// Not cancel safe: the transport is dropped.
///
/// # Panics
/// Outside of a tokio runtime with time enabled.
///
/// # Examples
/// ```
/// use hyper::Request;
/// use leasehold::{Pool, ws};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// # let (near, far) = tokio::io::duplex(1 << 10);
/// # let service = hyper::service::service_fn(async |mut request| {
/// #     let acceptor = ws::Acceptor::new().protocols(["chat"]);
/// #     let (response, upgrade) = acceptor.upgrade(&mut request).unwrap();
/// #     tokio::spawn(async move {
/// #         let pool = Pool::new(8 << 20).unwrap();
/// #         upgrade.accept(&pool).await.unwrap().recv().await
/// #     });
/// #     Ok::<_, std::convert::Infallible>(response)
/// # });
/// # let server = hyper::server::conn::http1::Builder::new();
/// # let far = hyper_util::rt::TokioIo::new(far);
/// # tokio::spawn(server.serve_connection(far, service).with_upgrades());
/// # let tls_stream = near;
/// let request = Request::get("wss://example.com/chat")
///     .header("Sec-WebSocket-Protocol", "chat, mqtt")
///     .body(())?;
/// let (socket, response) = ws::connect_on(tls_stream, request, &pool).await?;
/// assert!(socket.is_open());
/// assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "chat");
/// # Ok(())
/// # }
/// ```
pub fn connect_on<T: AsyncRead + AsyncWrite + Unpin>(
    io: T,
    request: Request<()>,
    account: &Account,
) -> impl Future<Output = Result<(WebSocket<T>, Response<()>), ConnectError>> {
    Connect::new(request).connect_on(io, account)
}

/// A client's handshake and its settings.
///
/// # Examples
/// ```no_run
/// use std::{sync::Arc, time::Duration};
/// use hyper::Request;
/// use leasehold::{Pool, ws::{Config, Connect, KeepAlive}};
///
/// # async fn run(pool: Pool) -> Result<(), Box<dyn std::error::Error>> {
/// let request = Request::get("ws://localhost:8080/feed")
///     .header("Origin", "http://localhost")
///     .body(())?;
/// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(10));
/// let (mut socket, _response) = Connect::new(request)
///     .config(Arc::new(Config::new().keep_alive(&keep_alive)))
///     .timeout(Duration::from_secs(3))
///     .connect(&pool.account("feed", 1 << 20))
///     .await?;
/// socket.send("subscribe").await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a handshake does nothing until `connect`"]
#[derive(Clone, Debug)]
pub struct Connect {
    request: Request<()>,
    config: Arc<Config>,
    timeout: Duration,
    max_head: usize,
}

impl Connect {
    /// Makes a handshake of `request`: a GET of a `ws://` URI, with headers for the server such as
    /// `Authorization` or `Origin`.
    ///
    /// Ask for subprotocols with `Sec-WebSocket-Protocol`, the preferred one first. The Host comes
    /// from the URI unless the request has one. The other headers of a handshake are set here;
    /// values in the request are ignored.
    pub fn new(request: Request<()>) -> Self {
        Self {
            request,
            config: Config::shared(),
            timeout: Duration::from_secs(10),
            max_head: 16 << 10,
        }
    }

    /// Sets the settings of the socket.
    pub fn config(self, config: Arc<Config>) -> Self {
        Self { config, ..self }
    }

    /// Sets how long it may take until there is a socket; 10 s by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the longest head of a response, in bytes; 16 KiB by default.
    pub fn max_head(self, bytes: usize) -> Self {
        Self { max_head: bytes, ..self }
    }

    /// As [`connect`], with these settings. Sets TCP_NODELAY, so that a message leaves at once.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Not cancel safe: the connection is closed.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO enabled.
    pub fn connect(
        self,
        account: &Account,
    ) -> impl Future<Output = Result<(WebSocket<AnyStream>, Response<()>), ConnectError>> {
        // SMALL
        Box::pin(async move {
            let deadline = self.deadline();
            let Target { host, port } = Target::of(self.request.uri())?;
            let connecting = timeout_at(deadline, TcpStream::connect((host, port))).await;
            let tcp = connecting.map_err(|_| ConnectError::late(self.timeout))??;
            tcp.set_nodelay(true)?;
            self.shake_hands(AnyStream::from(tcp), account, deadline).await
        })
    }

    /// As [`connect_on`], with these settings.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Not cancel safe: the transport is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time enabled.
    pub fn connect_on<T: AsyncRead + AsyncWrite + Unpin>(
        self,
        io: T,
        account: &Account,
    ) -> impl Future<Output = Result<(WebSocket<T>, Response<()>), ConnectError>> {
        // SMALL
        Box::pin(async move {
            let deadline = self.deadline();
            self.shake_hands(io, account, deadline).await
        })
    }

    async fn shake_hands<T: AsyncRead + AsyncWrite + Unpin>(
        self,
        mut io: T,
        account: &Account,
        deadline: Instant,
    ) -> Result<(WebSocket<T>, Response<()>), ConnectError> {
        let Self { request, config, timeout, max_head } = self;
        let ClientRequest { head, offer } =
            ClientRequest::new(&request, PerMessage::offer(&config).as_ref())?;
        let mut answer = Answer::new(max_head);
        let exchange = async {
            write_all_buf(&mut io, &mut &head[..]).await?;
            io.flush().await?;
            answer.read(&mut io, max_head).await
        };
        match timeout_at(deadline, exchange).await {
            Ok(exchanged) => exchanged?,
            // The body of the refusal takes too long; the error has the part that came.
            Err(_) if answer.is_refusal() => {}
            Err(_) => return Err(ConnectError::late(timeout)),
        }
        if answer.is_refusal() {
            return Err(ConnectError::refused(answer.into_refusal()));
        }
        let (response, early) = answer.into_parts();
        offer.check(&response)?;
        let per_message = PerMessage::accept(&config, response.headers())
            .ok_or(ConnectError::broken("it has an extension that does not fit the request"))?;
        let early = timeout_at(deadline, lease_early(early, account))
            .await
            .map_err(|_| ConnectError::late(timeout))??;
        Ok((
            WebSocket::with_early(io, Role::Client, early, config).with_per_message(per_message),
            response,
        ))
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.timeout).unwrap_or(now + NEVER)
    }
}
