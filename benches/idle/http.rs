//! HTTP servers of one service each: it reads the body of a request and answers with its length.

use std::{
    convert::Infallible,
    future::{Future, IntoFuture},
    io::{Read, Write},
    net::TcpStream as Client,
    pin::Pin,
    time::Duration,
};

use axum::{Router, routing::any};
use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::serve::{from_hyper, serve},
};
use tokio::net::TcpListener;

use super::{LIMIT, Load, Stack};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nUser-Agent: visitor\r\nAccept: */*\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1048576\r\n\r\n";

/// Asks once, and hears the answer.
pub(super) fn visit(client: &mut Client, load: Load) {
    static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];
    let (head, body, answer) = match load {
        Load::Small => (GET, &BODY[..0], "0"),
        Load::Large => (POST, &BODY[..], "1048576"),
    };
    client.write_all(head).expect("a head");
    client.write_all(body).expect("a body");
    let (mut heard, mut len) = ([0; 1024], 0);
    while !(heard[..len].windows(4).any(|four| four == b"\r\n\r\n")
        && heard[..len].ends_with(answer.as_bytes()))
    {
        len += match client.read(&mut heard[len..]).expect("an answer") {
            0 => panic!("the server hung up"),
            count => count,
        };
    }
    assert!(heard.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// The server `stack` on `listener`.
pub(super) fn server(
    stack: Stack,
    listener: TcpListener,
    pool: &Pool,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let router = || Router::new().route("/", any(async |body: Bytes| body.len().to_string()));
    match stack {
        Stack::ServeHyper => {
            let server = serve(listener, from_hyper(service_fn(len)));
            let server = server.linger(Duration::ZERO).pool(pool, LIMIT).into_future();
            Box::pin(async { drop(server.await) })
        }
        Stack::ServeAxum => {
            let server =
                serve(listener, router()).linger(Duration::ZERO).pool(pool, LIMIT).into_future();
            Box::pin(async { drop(server.await) })
        }
        Stack::Axum => {
            Box::pin(
                async move { axum::serve(listener, router()).await.expect("it serves for ever") },
            )
        }
        Stack::Hyper => Box::pin(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(len)),
                );
            }
        }),
        _ => unreachable!("{stack:?} speaks no HTTP"),
    }
}

/// Reads a body frame by frame, and keeps none.
async fn len<B: Body<Data = Bytes> + Unpin>(
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (mut body, mut len) = (request.into_body(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        len += frame.data_ref().map_or(0, Buf::remaining);
    }
    Ok(Response::new(Full::from(len.to_string())))
}
