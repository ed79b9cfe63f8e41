//! What is served.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, header};
use leasehold::{
    Account, Pool,
    http::serve::{
        Connections, HyperService, RequestBody, Serve, Shutdown, from_hyper, into_socket, serve,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

use crate::http_parking::client::Client;

/// What is reserved for a connection that is awake.
pub(crate) const AWAKE_LEN: usize = 18 << 10;

/// A server and its pool.
pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) address: SocketAddr,
    pub(crate) connections: Connections,
    pub(crate) server: JoinHandle<std::io::Result<Shutdown>>,
}

impl Site {
    /// On a free port, with a pool of a mebibyte, parking at once.
    pub(crate) async fn start() -> Self {
        Self::start_with(|server| server).await
    }

    pub(crate) async fn start_with<S>(
        set: impl FnOnce(Serve<TcpListener, Service>) -> Serve<TcpListener, S>,
    ) -> Self
    where
        Serve<TcpListener, S>:
            IntoFuture<Output = std::io::Result<Shutdown>, IntoFuture: Send + 'static>,
    {
        let pool = Pool::new(1 << 20).expect("a pool");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = set(serve(listener, service()).pool(&pool, 100_000).linger(Duration::ZERO));
        let connections = server.connections();
        Self { pool, address, connections, server: tokio::spawn(server.into_future()) }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.address).await.expect("a connection"))
    }

    /// Connections that are awake.
    pub(crate) fn awake(&self) -> usize {
        self.pool.leased() / AWAKE_LEN
    }
}

pub(crate) type Service = HyperService<Answers>;

#[derive(Clone)]
pub(crate) struct Answers;

impl hyper::service::Service<Request<RequestBody>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        Box::pin(answer(request))
    }
}

pub(crate) fn service() -> Service {
    from_hyper(Answers)
}

async fn answer(mut request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.uri().path() {
        "/account" => {
            let account = request
                .extensions()
                .get::<Account>()
                .map(|account| (account.name().to_owned(), account.limit()));
            format!("{account:?}")
        }
        "/lease" => {
            let account = request.extensions().get::<Account>().expect("an account").clone();
            let block = account.lease(60_000).await;
            sleep(Duration::from_millis(20)).await;
            block.is_ok().to_string()
        }
        "/panic" => panic!("as the test asked"),
        "/slow" => {
            sleep(Duration::from_millis(400)).await;
            "slow".to_owned()
        }
        "/upgrade" => {
            tokio::spawn(echo_upgraded(hyper::upgrade::on(&mut request)));
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            let response =
                response.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "echo");
            return Ok(response.body(Full::default()).expect("a response"));
        }
        _ => match request.into_body().collect().await {
            Ok(body) => format!("heard {:?}", body.to_bytes()),
            Err(error) => error.to_string(),
        },
    };
    Ok(Response::new(text.into()))
}

/// Echoes on the bare socket, what was sent early first.
async fn echo_upgraded(upgrade: hyper::upgrade::OnUpgrade) {
    let upgraded = upgrade.await.expect("an upgrade");
    let (mut socket, early) = into_socket::<TcpStream>(upgraded).expect("a socket of this server");
    socket.write_all(&early).await.expect("an echo");
    let mut bytes = [0; 100];
    while let Ok(count @ 1..) = socket.read(&mut bytes).await {
        socket.write_all(&bytes[..count]).await.expect("an echo");
    }
}
