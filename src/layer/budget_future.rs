//! `BudgetFuture`: a response to come, and the credit of its request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::http::Response;
use bytes::Bytes;
use http_body::Body;
use pin_project_lite::pin_project;

use super::budget_body::BudgetBody;
use crate::pool::Credit;

pin_project! {
    /// The future of [`Budget`](super::Budget): that of the inner service, or a refusal.
    ///
    /// # Cancel safety
    /// A drop drops the inner future, and gives the credit back.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct BudgetFuture<F> {
        #[pin]
        step: Step<F>,
    }
}

pin_project! {
    #[project = StepProjection]
    #[derive(Debug)]
    enum Step<F> {
        Admitted {
            #[pin]
            inner: F,
            // Moves on into the response's body.
            credit: Option<Credit>,
        },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F> BudgetFuture<F> {
    pub(super) fn admitted(inner: F, credit: Credit) -> Self {
        Self { step: Step::Admitted { inner, credit: Some(credit) } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { step: Step::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for BudgetFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<BudgetBody<B>>, E>;

    /// # Panics
    /// If it is polled again after it has returned a refusal.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().step.project() {
            StepProjection::Admitted { inner, credit } => {
                let response = ready!(inner.poll(cx));
                let credit = credit.take();
                Poll::Ready(
                    response
                        .map(|response| response.map(|body| BudgetBody::admitted(body, credit))),
                )
            }
            StepProjection::Refused { response } => {
                let response = response.take().expect("a future is not polled after it was ready");
                Poll::Ready(Ok(response.map(BudgetBody::refused)))
            }
        }
    }
}
