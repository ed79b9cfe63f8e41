//! The body of a request that is answered before all of it has come.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

/// How long a client may go on sending an unwanted body, so that its connection is kept. Most
/// clients stop when they read the answer. Meanwhile the connection is awake and keeps its room
/// from others. After this time the server reads on without that room.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// A body that is read on for a while, and thrown away, if it is dropped before its end.
///
/// If a socket is closed with unread bytes, the system resets the connection. The client, still
/// sending, may then lose the answer that says why its body is refused.
pub struct LingeringBody {
    /// None after its end.
    body: Option<Body>,
    /// The client sends the body only when it is asked to; to read on would ask.
    is_unasked: bool,
}

impl LingeringBody {
    /// Wraps the body of each request of an application.
    pub async fn wrap(request: Request) -> Request {
        let is_unasked = request.headers().contains_key(EXPECT);
        request.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::new(Self { body: Some(body), is_unasked }),
        })
    }
}

impl HttpBody for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_unasked = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        let unwanted = self.body.take().filter(|body| !body.is_end_stream() && !self.is_unasked);
        // Without a runtime the server is gone.
        if let (Some(body), Ok(runtime)) = (unwanted, Handle::try_current()) {
            runtime.spawn(timeout(LINGER_MAX, throw_away(body)));
        }
    }
}

async fn throw_away(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}
