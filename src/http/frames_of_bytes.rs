//! `FramesOfBytes`: a body of chains as a body of `Bytes`.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::chain::Chain;

pin_project! {
    /// One frame for each piece of each chain. Nothing is copied.
    pub(super) struct FramesOfBytes<B> {
        #[pin]
        body: B,
        // The pieces that no frame has taken yet.
        rest: Chain,
    }
}

impl<B> FramesOfBytes<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, rest: Chain::new() }
    }
}

impl<B: Body<Data = Chain>> Body for FramesOfBytes<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        loop {
            if let Some(piece) = this.rest.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece.into_bytes()))));
            }
            match ready!(this.body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data().map_err(Frame::into_trailers) {
                    Ok(chain) => *this.rest = chain,
                    Err(Ok(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    Err(Err(_)) => {}
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
