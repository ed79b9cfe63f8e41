//! `RequestBody`: the body of a request, seen to its end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection_state::{ConnectionState, OpenBody};

/// The body of a request that [`serve`](super::serve) hands to a service: hyper's [`Incoming`],
/// watched.
///
/// Whether it was seen to its end decides if the connection may be parked: what was not read of a
/// body must never be taken for the next request.
///
/// # Errors
/// Those of hyper.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    /// Until the end was seen.
    open: Option<OpenBody>,
}

impl RequestBody {
    /// Watched for `track`, if anybody is to hear of it.
    pub(super) fn new(inner: Incoming, state: Option<&Arc<ConnectionState>>) -> Self {
        let open = state.filter(|_| !inner.is_end_stream()).map(ConnectionState::begin_body);
        Self { inner, open }
    }

    /// hyper's own body, out of sight: as if it were dropped here, so that a connection with more
    /// of it to come is not parked before its next request was dispatched, and a client that stops
    /// sending it is not cut.
    pub fn into_incoming(self) -> Incoming {
        drop(self.open);
        self.inner
    }

    fn end(&mut self) {
        if let Some(open) = self.open.take() {
            open.end();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(open) = &this.open else {
            // The end was seen. hyper says so only with the next request, and calls the body
            // incomplete if the connection is parked before.
            return Poll::Ready(None);
        };
        let inner = Pin::new(&mut this.inner);
        let polled = match open.begin_wait(cx.waker()) {
            Some(waker) => inner.poll_frame(&mut Context::from_waker(&waker)),
            None => inner.poll_frame(cx),
        };
        let frame = ready!(polled);
        open.end_wait();
        let is_end = match &frame {
            None => true,
            Some(Ok(frame)) => frame.is_trailers() || this.inner.is_end_stream(),
            // How much of the body is left in the transport is not known: it counts as dropped.
            Some(Err(_)) => false,
        };
        if is_end {
            this.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
