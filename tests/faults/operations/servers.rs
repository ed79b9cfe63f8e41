//! `http::serve`, with a client that speaks raw bytes: what it is told is all that anybody is told.

use std::{convert::Infallible, future::IntoFuture};

use axum::{Extension, Router, body::Body as AxumBody, extract::State, routing::post};
use bytes::Bytes;
use hyper::{Request, Response, StatusCode, service::service_fn};
use leasehold::{
    Account, Chain,
    http::{
        BytesBody, LeasedBody, collect, serve,
        serve::{Listener, RequestBody, from_hyper, into_socket},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};
use tower_service::Service;

use crate::{
    place::Place,
    site::{CutOff, Done, Failure, Site, beside, hear, say},
};

/// A listener of one connection.
struct Once<T>(Option<T>);

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static> Listener
    for Once<T>
{
    type Io = T;
    type Addr = ();

    async fn accept(&mut self) -> (T, ()) {
        match self.0.take() {
            Some(io) => (io, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Serves one connection to its end, with a client at the other end.
pub(super) async fn serving<P: Place, S, B, F: Future<Output = Done>>(
    site: &Site<P>,
    service: S,
    client: impl FnOnce(P::Far) -> F,
) -> Done
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Failure>,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Failure>,
{
    let (near, far) = site.pair().await?;
    let (end, ended) = oneshot::channel::<()>();
    let server = serve(Once(Some(near)), service).pool(&site.pool, 64 << 10).http2(false);
    let server = server.with_graceful_shutdown(async { drop(ended.await) });
    let near = async {
        server.into_future().await.expect("no error");
        Ok(())
    };
    let client = client(far);
    beside(near, async move {
        let _end = end;
        client.await
    })
    .await
}

/// Reads a response with a Content-Length, and gives its status and body.
async fn response(io: &mut (impl AsyncRead + Unpin)) -> Result<(StatusCode, Vec<u8>), Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.map_err(|_| CutOff)?);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let len = head
        .split("content-length: ")
        .nth(1)
        .map_or("0", |rest| rest.split("\r\n").next().expect("a line"));
    let mut body = vec![0; len.parse()?];
    io.read_exact(&mut body).await.map_err(|_| CutOff)?;
    Ok((status, body))
}

/// The answer to a request is this, or that there is no memory.
async fn answered(io: &mut (impl AsyncRead + Unpin), expected: &[u8]) -> Done {
    let (status, body) = response(io).await?;
    match status {
        StatusCode::OK => assert!(body == expected, "another body than was sent"),
        StatusCode::SERVICE_UNAVAILABLE => return Err(CutOff.into()),
        status => panic!("{status}"),
    }
    Ok(())
}

/// Echoes bodies, and has something to say to those without.
async fn echo<P: Place>(
    site: Site<P>,
    request: Request<RequestBody>,
) -> Result<Response<BytesBody>, Infallible> {
    let account = request.extensions().get::<Account>().expect("the connection's").clone();
    let held = account.lease(1).await;
    site.plan.user_code();
    let chain = match request.uri().path() {
        "/say" => site.chain(0).map_err(Failure::from),
        _ => collect(request.into_body(), &account, 64 << 10).await.map_err(Failure::from),
    };
    site.plan.user_code();
    let (Ok(chain), Ok(_)) = (chain, held) else {
        let mut refusal = Response::new(BytesBody::empty());
        *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(refusal);
    };
    Ok(Response::new(BytesBody::new(chain)))
}

pub(super) async fn requests<P: Place>(site: Site<P>) -> Done {
    let service = from_hyper(service_fn({
        let site = site.clone();
        move |request| echo(site.clone(), request)
    }));
    let client = async |mut far: P::Far| {
        let (said, sent) = (site.content(0), site.content(1));
        say(&mut far, b"GET /say HTTP/1.1\r\nHost: here\r\n\r\n").await?;
        answered(&mut far, &said).await?;
        // Kept alive, and perhaps parked meanwhile.
        let head =
            format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n", sent.len());
        say(&mut far, head.as_bytes()).await?;
        say(&mut far, &sent).await?;
        answered(&mut far, &sent).await?;
        say(&mut far, b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            .await?;
        for piece in sent.chunks(600) {
            say(&mut far, format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            say(&mut far, &[piece, b"\r\n"].concat()).await?;
        }
        say(&mut far, b"0\r\n\r\n").await?;
        answered(&mut far, &sent).await?;
        hear(&mut far, []).await
    };
    serving(&site, service, client).await
}

/// Gives the connection away, and echoes what comes on it.
async fn switch<P: Place>(
    site: Site<P>,
    mut request: Request<RequestBody>,
) -> Result<Response<BytesBody>, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut io, early) = into_socket::<P::Near>(upgrade.await?).expect("it is ours");
        site.plan.user_code();
        let mut chain = site.pool.chain(1).await?;
        chain.push(early);
        while chain.len() < site.plan.len {
            let mut room = [0; 700];
            let count = io.read(&mut room).await?;
            if count == 0 {
                return Err(CutOff.into());
            }
            chain.push(Bytes::copy_from_slice(&room[..count]));
        }
        site.plan.user_code();
        leasehold::io::write_all_buf(&mut io, &mut chain).await?;
        io.shutdown().await?;
        Ok::<_, Failure>(())
    });
    let mut response = Response::new(BytesBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("Connection", "upgrade".parse().expect("a value"));
    response.headers_mut().insert("Upgrade", "echo".parse().expect("a value"));
    Ok(response)
}

pub(super) async fn upgrade<P: Place>(site: Site<P>) -> Done {
    let service = from_hyper(service_fn({
        let site = site.clone();
        move |request| switch(site.clone(), request)
    }));
    let client = async |mut far: P::Far| {
        let sent = site.content(0);
        let head = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        // Some of it comes with the request.
        say(&mut far, &[head, &sent[..20]].concat()).await?;
        let (status, _) = response(&mut far).await?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(CutOff.into()); // there was no room for the request
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(CutOff.into());
        }
        assert_eq!(status, StatusCode::SWITCHING_PROTOCOLS);
        say(&mut far, &sent[20..]).await?;
        hear(&mut far, sent).await
    };
    serving(&site, service, client).await
}

/// Reads a body piece by piece, and answers with all of it.
async fn streamed<P: Place>(
    State(site): State<Users<P>>,
    mut body: LeasedBody<AxumBody>,
) -> Result<Chain, StatusCode> {
    let mut all = Chain::new();
    while let Some(chain) = body.next_chain().await {
        site.0.plan.user_code();
        all.append(chain.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?);
    }
    Ok(all)
}

async fn whole<P: Place>(State(site): State<Users<P>>, body: Chain) -> Chain {
    site.0.plan.user_code();
    body
}

/// A state of the user's, with a pool in it.
#[derive(Clone)]
pub(super) struct Users<P>(pub(super) Site<P>);

impl<P> axum::extract::FromRef<Users<P>> for Account {
    fn from_ref(users: &Users<P>) -> Self {
        Account::clone(&users.0.pool)
    }
}

pub(super) async fn extractors<P: Place>(site: Site<P>) -> Done {
    let app: Router = Router::new()
        .route("/whole", post(whole::<P>))
        .route("/streamed", post(streamed::<P>))
        .layer(Extension(site.pool.clone()))
        .with_state(Users(site.clone()));
    let client = async |mut far: P::Far| {
        let sent = site.content(0);
        for (path, end) in [("/whole", "keep-alive"), ("/streamed", "close")] {
            let (host, len) = ("Host: here", sent.len());
            let head = format!(
                "POST {path} HTTP/1.1\r\n{host}\r\nConnection: {end}\r\nContent-Length: {len}\r\n\r\n"
            );
            say(&mut far, head.as_bytes()).await?;
            say(&mut far, &sent).await?;
            answered(&mut far, &sent).await?;
        }
        hear(&mut far, []).await
    };
    serving(&site, app, client).await
}
