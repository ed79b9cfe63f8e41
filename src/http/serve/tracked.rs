//! `Tracked`: a tower service as hyper calls it, with both bodies watched.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ::http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    request_body::RequestBody,
    response_body::ResponseBody,
    track::{InFlight, Track},
};
use crate::pool::Pool;

/// One connection's view of the service.
pub(super) struct Tracked<S> {
    service: S,
    track: Arc<Track>,
    account: Option<Pool>,
}

impl<S> Tracked<S> {
    /// Requests carry `account` as an extension.
    pub(super) fn new(service: S, track: Arc<Track>, account: Option<Pool>) -> Self {
        Self { service, track, account }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Tracked<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answer<S, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if self.track.is_closed() {
            return Answer { step: Step::Unheard, in_flight: None, is_connect: false };
        }
        let in_flight = self.track.dispatch();
        let is_connect = request.method() == Method::CONNECT;
        let mut request = request.map(|body| RequestBody::new(body, &self.track));
        if let Some(account) = &self.account {
            request.extensions_mut().insert(account.clone());
        }
        Answer {
            step: Step::Unready { service: self.service.clone(), request: Some(request) },
            in_flight: Some(in_flight),
            is_connect,
        }
    }
}

pin_project! {
    /// The response to come: in flight from here to the drop of its body.
    pub(super) struct Answer<S, F> {
        #[pin]
        step: Step<S, F>,
        in_flight: Option<InFlight>,
        is_connect: bool,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, F> {
        /// The service is asked whether it is ready, as tower wants it.
        Unready { service: S, request: Option<Request<RequestBody>> },
        Called { #[pin] future: F },
        /// It came after the server has stopped (CLAIM).
        Unheard,
    }
}

impl<S, B> Future for Answer<S, S::Future>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    type Output = Result<Response<ResponseBody<B>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let future = match this.step.as_mut().project() {
                StepProjection::Unready { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    service.call(request.take().expect("a service is called once"))
                }
                StepProjection::Called { future } => {
                    let response = ready!(future.poll(cx))?;
                    let in_flight = this.in_flight.take().expect("an answer is polled until it is ready");
                    let status = response.status();
                    if status == StatusCode::SWITCHING_PROTOCOLS || (*this.is_connect && status.is_success()) {
                        in_flight.note_upgrade();
                    }
                    return Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, in_flight))));
                }
                StepProjection::Unheard => return Poll::Pending,
            };
            this.step.set(Step::Called { future });
        }
    }
}
