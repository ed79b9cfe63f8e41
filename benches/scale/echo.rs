//! Servers that send back what they are sent, on the stacks that are compared.

use std::{
    convert::Infallible,
    future::{Future, IntoFuture},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router, routing::post, serve::ListenerExt};
use bytes::Bytes;
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError, upgrade};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use leasehold::{
    Account, Chain, Pool, codec,
    http::{
        ChainBody, collect, serve,
        serve::{RequestBody, from_hyper},
    },
    ws::{self, Config, KeepAlive},
};
use tokio::net::{TcpListener, TcpStream};

use crate::{client::Protocol, host::Service};

/// What all connections of ours may lease together.
const BUDGET: usize = 256 << 20;

/// What each of them may.
const LIMIT: usize = 4 << 20;

/// A server to compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub(crate) name: &'static str,
    /// What it is compared with: those of the same group.
    pub(crate) group: &'static str,
    pub(crate) protocol: Protocol,
}

const fn stack(group: &'static str, name: &'static str, protocol: Protocol) -> Stack {
    Stack { name, group, protocol }
}

pub(crate) const STACKS: [Stack; 9] = [
    stack("frames", "tokio-util Framed", Protocol::Framed),
    stack("frames", "leasehold Framed", Protocol::Framed),
    stack("hyper", "hyper", Protocol::Http),
    stack("hyper", "leasehold serve", Protocol::Http),
    stack("axum", "axum::serve", Protocol::Http),
    stack("axum", "leasehold serve, axum", Protocol::Http),
    stack("WebSocket", "tokio-tungstenite", Protocol::WebSocket),
    stack("WebSocket", "fastwebsockets", Protocol::WebSocket),
    stack("WebSocket", "leasehold ws", Protocol::WebSocket),
];

/// The service of a stack.
pub(crate) fn service(stack: &str, listener: TcpListener) -> Service {
    match stack {
        "tokio-util Framed" => Service::stock(accept(listener, tokio_util_framed)),
        "hyper" => Service::stock(accept(listener, hyper)),
        "axum::serve" => Service::stock(axum(listener)),
        "tokio-tungstenite" => Service::stock(accept(listener, tokio_tungstenite)),
        "fastwebsockets" => Service::stock(accept(listener, fast_web_sockets)),
        _ => ours(stack, listener),
    }
}

fn ours(stack: &str, listener: TcpListener) -> Service {
    let pool = Pool::new(BUDGET).expect("the budget can be reserved");
    let accounts = pool.clone();
    match stack {
        "leasehold Framed" => {
            Service::ours(&pool, accept(listener, move |stream| framed(stream, &accounts)))
        }
        "leasehold serve" => {
            let server = serve(listener, from_hyper(service_fn(leased)));
            Service::ours(&pool, server.pool(&pool, LIMIT).into_future())
        }
        "leasehold serve, axum" => {
            let app =
                Router::new().route("/", post(async |body: Chain| body)).layer(Extension(accounts));
            Service::ours(&pool, serve(listener, app).pool(&pool, LIMIT).into_future())
        }
        "leasehold ws" => Service::ours(&pool, web_socket(listener, accounts)),
        other => unreachable!("{other} is no stack"),
    }
}

/// A task for each connection; a client that is gone ends it.
pub(crate) async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        tokio::spawn(serve(stream));
    }
}

// ---- frames -------------------------------------------------------------------------------------

async fn tokio_util_framed(stream: TcpStream) {
    let mut framed =
        tokio_util::codec::Framed::new(stream, tokio_util::codec::LengthDelimitedCodec::new());
    while let Some(Ok(frame)) = framed.next().await {
        if framed.send(frame.freeze()).await.is_err() {
            return;
        }
    }
}

fn framed(stream: TcpStream, pool: &Pool) -> impl Future<Output = ()> + use<> {
    let account = pool.account("connection", LIMIT);
    let mut framed = codec::Framed::new(stream, codec::LengthDelimitedCodec::new(), &account);
    async move {
        while let Some(Ok(frame)) = framed.next().await {
            if framed.send(frame).await.is_err() {
                return;
            }
        }
    }
}

// ---- HTTP ---------------------------------------------------------------------------------------

async fn hyper(stream: TcpStream) {
    async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        Ok(Response::new(Full::new(request.into_body().collect().await?.to_bytes())))
    }
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo)).await);
}

/// Leases in the account that its connection has.
async fn leased(
    request: Request<RequestBody>,
) -> Result<Response<ChainBody>, Box<dyn std::error::Error + Send + Sync>> {
    let account = request.extensions().get::<Account>().expect("the server gives one").clone();
    Ok(Response::new(ChainBody::new(collect(request.into_body(), &account, LIMIT).await?)))
}

async fn axum(listener: TcpListener) {
    let app: Router = Router::new().route("/", post(async |body: Bytes| body));
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
    axum::serve(listener, app).await.expect("it serves for ever");
}

// ---- WebSockets ---------------------------------------------------------------------------------

async fn tokio_tungstenite(stream: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_binary() || message.is_text()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// As its own example has it.
async fn fast_web_sockets(stream: TcpStream) {
    async fn echo(socket: upgrade::UpgradeFut) -> Result<(), WebSocketError> {
        let mut socket = FragmentCollector::new(socket.await?);
        loop {
            let frame = socket.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return Ok(()),
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
                _ => {}
            }
        }
    }
    async fn shake_hands<B: Body>(
        mut request: Request<B>,
    ) -> Result<Response<http_body_util::Empty<Bytes>>, WebSocketError> {
        let (response, socket) = upgrade::upgrade(&mut request)?;
        tokio::spawn(tokio::task::unconstrained(echo(socket)));
        Ok(response)
    }
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(shake_hands));
    drop(connection.with_upgrades().await);
}

/// With pings, as a server has them that is to notice who is gone.
async fn web_socket(listener: TcpListener, pool: Pool) {
    let keep_alive = KeepAlive::new(Duration::from_secs(300), Duration::from_secs(30));
    let acceptor = ws::Acceptor::new().config(Arc::new(Config::new().keep_alive(&keep_alive)));
    let sockets = pool.clone();
    let shake_hands = service_fn(move |mut request: Request<RequestBody>| {
        let upgrading = acceptor.upgrade(&mut request);
        let account = sockets.account("socket", LIMIT);
        async move {
            let (response, upgrade) = upgrading.expect("a handshake");
            tokio::spawn(async move {
                let Ok(mut socket) = upgrade.accept(&account).await else { return };
                while let Some(Ok(message)) = socket.recv().await {
                    if message.is_data() && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
            Ok::<_, Infallible>(response)
        }
    });
    serve(listener, from_hyper(shake_hands)).pool(&pool, LIMIT).await.expect("no error");
}
