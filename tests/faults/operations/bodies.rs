//! Bodies: those that are read, and those that are sent.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Chain,
    http::{BytesBody, ChainBody, LeasedBody, ReaderBody, collect},
};
use tokio::io::AsyncWriteExt;

use crate::{
    bodies::{Counted, Scripted, Step},
    place::Place,
    plan::Plan,
    site::{Awaited, CutOff, Done, Failure, Site, again, beside, retry, say},
};

/// A body of the user's: what is written down, with something that can panic.
pub(super) struct UsersBody {
    body: Scripted,
    plan: Arc<Plan>,
}

impl Body for UsersBody {
    type Data = Counted;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Counted>>>> {
        self.plan.user_code();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of message number 0, in frames none of which is ready at once; the plan's cut is the
/// length of a frame.
pub(super) fn users_body<P: Place>(site: &Site<P>) -> UsersBody {
    let content = site.content(0);
    let first = site.plan.cut_at.unwrap_or(0).min(content.len());
    let frames =
        [&content[..first]].into_iter().chain(content[first..].chunks(site.plan.cut.min(700)));
    let frames = frames.filter(|frame| !frame.is_empty());
    let body = Scripted::new(frames.flat_map(|frame| [Step::Pending, Step::Data(frame.to_vec())]));
    let body = if site.plan.is_vectored { body } else { body.sized() };
    UsersBody { body, plan: Arc::clone(&site.plan) }
}

pub(super) async fn collected<P: Place>(site: Site<P>) -> Done {
    let chain = collect(users_body(&site), &site.pool, site.plan.len).await?;
    assert_eq!(chain, *site.content(0));
    Ok(())
}

pub(super) async fn leased<P: Place>(site: Site<P>) -> Done {
    let mut awaited = Awaited::new(site.content(0));
    let mut body = LeasedBody::new(users_body(&site), &site.pool);
    // A lack of memory loses nothing, nor does a future that is dropped.
    while let Some(chain) = retry!(site, async { body.next_chain().await.transpose() })? {
        awaited.take(&chain.to_vec());
    }
    awaited.end()
}

pub(super) async fn reader<P: Place>(site: Site<P>) -> Done {
    let (near, mut far) = site.pair().await?;
    let content = site.content(0);
    let mut awaited = Awaited::new(&*content);
    let site = &site;
    let near = async move {
        let mut body = ReaderBody::sized(near, content.len() as u64, &site.pool).ahead(2);
        while let Some(frame) = again!(site, body.frame()) {
            awaited.take(&frame?.into_data().expect("there are no trailers").to_vec());
        }
        awaited.end()
    };
    let far = async move {
        for piece in site.content(0).chunks(300) {
            say(&mut far, piece).await?;
            tokio::task::yield_now().await;
        }
        far.shutdown().await.map_err(|_| CutOff)?;
        Ok(())
    };
    beside(near, far).await
}

/// A response of a chain, as a body that `wrap` makes of it, from stock hyper.
async fn sent_as<P: Place, B>(site: &Site<P>, wrap: fn(Chain) -> B) -> Done
where
    B: Body<Data: Send, Error = Infallible> + Send + 'static,
{
    let (near, far) = site.pair().await?;
    // Not an async closure: what that makes is not known to be `Send`.
    let service = service_fn(|_: Request<Incoming>| {
        let response = site.chain(0).map(|chain| Response::new(wrap(chain)));
        site.plan.user_code();
        std::future::ready(response)
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(near), service);
    let far = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(far)).await.map_err(|_| CutOff)?;
        let exchange = async move {
            let request =
                Request::get("/").header("Host", "here").body(String::new()).expect("a request");
            let response = sender.send_request(request).await.map_err(|_| CutOff)?;
            let got = response.into_body().collect().await.map_err(|_| CutOff)?.to_bytes();
            let mut awaited = Awaited::new(site.content(0));
            awaited.take(&got);
            awaited.end()
        };
        let (_, exchanged): (_, Done) = tokio::join!(connection, exchange);
        exchanged
    };
    beside(async { serving.await.map_err(Failure::from) }, far).await
}

pub(super) async fn sent<P: Place>(site: Site<P>) -> Done {
    sent_as(&site, ChainBody::new).await?;
    sent_as(&site, BytesBody::new).await
}
