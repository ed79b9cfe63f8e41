//! `ResponseBody`: the body of a response, in flight until it is dropped.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    connection_state::InFlight,
    response_data::{Counted, ResponseData},
    stream_room::StreamRoom,
};

pin_project! {
    /// Forwards to `inner`, and keeps the response in flight while it lives (ANSWERED). With the
    /// room of a stream, it gives hyper no more than fits (UNSENT).
    pub(super) struct ResponseBody<B> {
        // None if the request was refused. gRPC takes an empty 503 for "unavailable".
        #[pin]
        inner: Option<B>,
        in_flight: InFlight,
        stream: Option<Arc<StreamRoom>>,
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(body: B, in_flight: InFlight, stream: Option<Arc<StreamRoom>>) -> Self {
        Self { inner: Some(body), in_flight, stream }
    }

    /// The body of a refusal.
    pub(super) fn refused(in_flight: InFlight) -> Self {
        Self { inner: None, in_flight, stream: None }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = ResponseData<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.project();
        let Some(body) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let Some(stream) = this.stream else {
            return body.poll_frame(cx).map_ok(|frame| frame.map_data(ResponseData::Sent));
        };
        ready!(stream.poll_room(cx));
        let counted = |data| ResponseData::Counted(Counted::new(data, stream));
        body.poll_frame(cx).map_ok(|frame| frame.map_data(counted))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
