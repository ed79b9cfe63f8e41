//! Handshakes of WebSockets, with either end under test, and a message each way after them.

use std::{convert::Infallible, future::ready, sync::Mutex};

use axum::{Router, extract::State, routing::any};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    http::BytesBody,
    io::AnyStream,
    ws::{Acceptor, WebSocket, axum::WebSocketUpgrade, connect_on},
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    servers::{Users, serving},
    sockets::{check, message},
};
use crate::{
    place::Place,
    site::{CutOff, Done, Failure, Site, beside},
};

/// A server on stock hyper that gives its one connection away.
async fn accepted(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    pool: &Pool,
) -> Result<WebSocket<AnyStream>, Failure> {
    let upgrade = Mutex::new(None);
    // Not an async closure: what that makes is not known to be `Send`.
    let service = service_fn(|mut request: Request<Incoming>| {
        let (response, accepting) = Acceptor::new().upgrade(&mut request).expect("a handshake");
        *upgrade.lock().expect("no panic") = Some(accepting);
        ready(Ok::<Response<BytesBody>, Infallible>(response))
    });
    let server = hyper::server::conn::http1::Builder::new();
    server.serve_connection(TokioIo::new(io), service).with_upgrades().await?;
    let upgrade = upgrade.into_inner().expect("no panic").ok_or(CutOff)?;
    Ok(upgrade.accept(pool).await?)
}

/// Hears a message, answers, and waits for the end.
async fn answer<P: Place, T: AsyncRead + AsyncWrite + Unpin>(
    site: &Site<P>,
    mut socket: WebSocket<T>,
) -> Done {
    let received = socket.recv().await.ok_or(CutOff)??;
    if !received.is_data() {
        return Err(CutOff.into());
    }
    check(site, 0, &received);
    socket.send(received).await?;
    while socket.recv().await.transpose()?.is_some() {}
    Ok(())
}

/// Says a message, hears the answer, and closes.
async fn ask<P: Place, T: AsyncRead + AsyncWrite + Unpin>(
    site: &Site<P>,
    mut socket: WebSocket<T>,
) -> Done {
    socket.send(message(site, 0)).await?;
    let received = socket.recv().await.ok_or(CutOff)??;
    if !received.is_data() {
        return Err(CutOff.into());
    }
    check(site, 0, &received);
    Ok(socket.close(None).await?)
}

fn request() -> Request<()> {
    Request::get("ws://here/").body(()).expect("a request")
}

pub(super) async fn connect<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let site = &site;
    let near = async {
        let (socket, response) = connect_on(near, request(), &site.pool).await?;
        assert_eq!(response.status(), 101);
        ask(site, socket).await
    };
    let far = async {
        let socket = accepted(far, &site.far_pool).await?;
        answer(site, socket).await
    };
    beside(near, async { far.await.map_err(|_| CutOff.into()) }).await
}

pub(super) async fn accept<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let site = &site;
    let near = async {
        let socket = accepted(near, &site.pool).await?;
        answer(site, socket).await
    };
    let far = async {
        let (socket, _) = connect_on(far, request(), &site.far_pool).await?;
        ask(site, socket).await
    };
    beside(near, async { far.await.map_err(|_| CutOff.into()) }).await
}

/// Echoes a message, in a task of its own.
async fn talk<P: Place>(
    State(Users(site)): State<Users<P>>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    site.plan.user_code();
    upgrade.on_upgrade(async move |socket| {
        site.plan.user_code();
        // Nobody is there to be told; the peer finds out.
        let _ = answer(&site, socket).await;
    })
}

pub(super) async fn extractor<P: Place>(site: Site<P>) -> Done {
    let app: Router = Router::new().route("/", any(talk::<P>)).with_state(Users(site.clone()));
    let client = async |far: P::Far| {
        let (socket, _) = connect_on(far, request(), &site.far_pool).await.map_err(|_| CutOff)?;
        ask(&site, socket).await.map_err(|_| CutOff.into())
    };
    serving(&site, app, client).await
}
