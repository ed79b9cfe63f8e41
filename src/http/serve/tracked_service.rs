//! `TrackedService`: the tower service that hyper calls, with both bodies watched.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ::http::{Method, Request, Response};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    connection_state::{ConnectionState, InFlight},
    request_body::RequestBody,
    response_body::ResponseBody,
};
use crate::pool::Account;

/// One connection's view of the service.
pub(super) struct TrackedService<S, F> {
    service: S,
    body: F,
    state: Arc<ConnectionState>,
    account: Option<Account>,
}

impl<S, F> TrackedService<S, F> {
    /// Requests carry `account` as an extension. `body` turns a body into what the service takes.
    pub(super) fn new(
        service: S,
        body: F,
        state: Arc<ConnectionState>,
        account: Option<Account>,
    ) -> Self {
        Self { service, body, state, account }
    }
}

impl<S, F, R, B> hyper::service::Service<Request<Incoming>> for TrackedService<S, F>
where
    S: Service<Request<R>, Response = Response<B>> + Clone,
    F: Fn(RequestBody) -> R,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answer<S, R, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // CLAIM: a request that comes after the server has stopped is not answered.
        let is_heard = !self.state.is_closed();
        let in_flight = is_heard.then(|| self.state.dispatch());
        let is_connect = request.method() == Method::CONNECT;
        let mut request =
            request.map(|body| (self.body)(RequestBody::new(body, &self.state, is_heard)));
        if is_connect {
            self.state.note_connect();
        }
        if let Some(account) = &self.account {
            request.extensions_mut().insert(account.clone());
        }
        Answer {
            step: Step::Unready { service: self.service.clone(), request: Some(request) },
            in_flight,
        }
    }
}

pin_project! {
    /// The response to come, in flight from here to the drop of its body. Without `in_flight` it
    /// never comes.
    pub(super) struct Answer<S, R, F> {
        #[pin]
        step: Step<S, R, F>,
        in_flight: Option<InFlight>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, R, F> {
        /// The service is asked whether it is ready, as tower wants it.
        Unready { service: S, request: Option<Request<R>> },
        Called { #[pin] future: F },
    }
}

impl<S, R, B> Future for Answer<S, R, S::Future>
where
    S: Service<Request<R>, Response = Response<B>>,
{
    type Output = Result<Response<ResponseBody<B>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.in_flight.is_none() {
            return Poll::Pending; // CLAIM
        }
        loop {
            let future = match this.step.as_mut().project() {
                StepProjection::Unready { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    service.call(request.take().expect("a service is called once"))
                }
                StepProjection::Called { future } => {
                    let response = ready!(future.poll(cx))?;
                    let in_flight =
                        this.in_flight.take().expect("an answer is polled until it is ready");
                    in_flight.note_status(response.status());
                    return Poll::Ready(
                        Ok(response.map(|body| ResponseBody::new(body, in_flight))),
                    );
                }
            };
            this.step.set(Step::Called { future });
        }
    }
}
