//! `BudgetBody`: the body of a response, and the credit of its request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::pool::Credit;

pin_project! {
    /// The body of a response of [`Budget`](super::Budget): that of the inner service, or of a
    /// refusal.
    ///
    /// The credit of the request is given back at the end of the body, at its first error, or when
    /// it is dropped.
    ///
    /// # Errors
    /// Those of the inner body.
    #[derive(Debug)]
    pub struct BudgetBody<B> {
        #[pin]
        kind: Kind<B>,
        credit: Option<Credit>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Inner {
            #[pin]
            body: B,
        },
        Refused { text: Bytes },
    }
}

impl<B: Body> BudgetBody<B> {
    pub(super) fn admitted(body: B, credit: Option<Credit>) -> Self {
        let credit = credit.filter(|_| !body.is_end_stream());
        Self { kind: Kind::Inner { body }, credit }
    }

    pub(super) fn refused(text: Bytes) -> Self {
        Self { kind: Kind::Refused { text }, credit: None }
    }
}

impl<B> Body for BudgetBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        match this.kind.project() {
            KindProjection::Inner { mut body } => {
                let frame = ready!(body.as_mut().poll_frame(cx));
                if !matches!(frame, Some(Ok(_))) || body.is_end_stream() {
                    drop(this.credit.take());
                }
                Poll::Ready(frame)
            }
            KindProjection::Refused { text } if text.is_empty() => Poll::Ready(None),
            KindProjection::Refused { text } => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(text).into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Refused { text } => text.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Refused { text } => SizeHint::with_exact(text.len() as u64),
        }
    }
}
