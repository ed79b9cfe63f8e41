//! `Kind`: which proxy is measured.

use std::{io, sync::Arc};

use axum::http::uri::Authority;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Builder, Client},
    rt::{TokioExecutor, TokioIo},
};
use leasehold::Pool;
use tokio::net::TcpListener;

use crate::proxy::{self, Proxy};

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The example as it is.
    Leased,
    /// Stock hyper with the client of the example.
    SmallBuffers,
    /// Stock hyper as it is.
    Stock,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Leased, Self::SmallBuffers, Self::Stock];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leased => "leased bodies",
            Self::SmallBuffers => "hyper, small buffers",
            Self::Stock => "hyper",
        }
    }

    /// What the process of such a proxy is told.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Leased => "--leased",
            Self::SmallBuffers => "--small-buffers",
            Self::Stock => "--stock",
        }
    }

    pub(crate) fn of_flag(flag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.flag() == flag)
    }

    pub(crate) async fn run(
        self,
        listener: TcpListener,
        upstream: Authority,
        pool: &Pool,
    ) -> io::Result<()> {
        match self {
            Self::Leased => proxy::run(listener, upstream, pool).await,
            Self::SmallBuffers => run_on_hyper(listener, &proxy::client(), upstream).await,
            Self::Stock => {
                run_on_hyper(listener, &Client::builder(TokioExecutor::new()), upstream).await
            }
        }
    }
}

/// The same proxy, whose bodies are hyper's own.
async fn run_on_hyper(
    listener: TcpListener,
    client: &Builder,
    upstream: Authority,
) -> io::Result<()> {
    let proxy = Arc::new(Proxy::<Incoming>::new(client, upstream));
    loop {
        let (socket, _) = listener.accept().await?;
        let proxy = Arc::clone(&proxy);
        let service = service_fn(move |request| {
            let proxy = Arc::clone(&proxy);
            async move {
                let response = proxy.forward(request).await;
                response.map(|response| response.map(own_body))
            }
        });
        // A client that goes away is an error here.
        tokio::spawn(async {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn own_body(body: Either<Incoming, &'static str>) -> Either<Incoming, Full<Bytes>> {
    match body {
        Either::Left(body) => Either::Left(body),
        Either::Right(text) => Either::Right(Full::from(text)),
    }
}
