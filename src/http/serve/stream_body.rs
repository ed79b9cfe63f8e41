//! `StreamBody`: the body of a response on HTTP/2.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{http2_room::OpenStream, stream_data::StreamData, stream_room::StreamRoom};

pin_project! {
    /// Forwards to `inner`, and gives hyper no more than there is room for (UNSENT).
    pub(super) struct StreamBody<B> {
        // None if the request was refused.
        #[pin]
        inner: Option<B>,
        room: Option<Arc<StreamRoom>>,
        open: Option<OpenStream>,
    }
}

impl<B> StreamBody<B> {
    pub(super) fn new(inner: B, room: Option<Arc<StreamRoom>>, open: Option<OpenStream>) -> Self {
        Self { inner: Some(inner), room, open }
    }

    pub(super) fn empty() -> Self {
        Self { inner: None, room: None, open: None }
    }
}

impl<B: Body> Body for StreamBody<B> {
    type Data = StreamData<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        if let Some(room) = this.room {
            ready!(room.poll_room(cx));
        }
        let data = |data| StreamData::new(data, this.room.as_ref());
        inner.poll_frame(cx).map_ok(|frame| frame.map_data(data))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
