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

/// The text of a refusal.
const REFUSED: &[u8] = b"no room for another request; try again in a moment\n";

pin_project! {
    /// Forwards to `inner`, and keeps the response in flight while it lives (ANSWERED). With the
    /// room of a stream, it gives hyper no more than fits (UNSENT).
    pub(super) struct ResponseBody<B> {
        #[pin]
        inner: Inner<B>,
        in_flight: InFlight,
        stream: Option<Arc<StreamRoom>>,
    }
}

pin_project! {
    #[project = InnerProjection]
    enum Inner<B> {
        Service { #[pin] body: B },
        /// Whether hyper has the text.
        Refused { is_told: bool },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(body: B, in_flight: InFlight, stream: Option<Arc<StreamRoom>>) -> Self {
        Self { inner: Inner::Service { body }, in_flight, stream }
    }

    /// The body of a refusal.
    pub(super) fn refused(in_flight: InFlight) -> Self {
        Self { inner: Inner::Refused { is_told: false }, in_flight, stream: None }
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
        let body = match this.inner.project() {
            InnerProjection::Service { body } => body,
            InnerProjection::Refused { is_told: true } => return Poll::Ready(None),
            InnerProjection::Refused { is_told } => {
                *is_told = true;
                return Poll::Ready(Some(Ok(Frame::data(ResponseData::Refusal(REFUSED)))));
            }
        };
        let Some(stream) = this.stream else {
            return body.poll_frame(cx).map_ok(|frame| frame.map_data(ResponseData::Sent));
        };
        ready!(stream.poll_room(cx));
        let counted = |data| ResponseData::Counted(Counted::new(data, stream));
        body.poll_frame(cx).map_ok(|frame| frame.map_data(counted))
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Service { body } => body.is_end_stream(),
            Inner::Refused { is_told } => *is_told,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Service { body } => body.size_hint(),
            Inner::Refused { is_told: false } => SizeHint::with_exact(REFUSED.len() as u64),
            Inner::Refused { is_told: true } => SizeHint::with_exact(0),
        }
    }
}
