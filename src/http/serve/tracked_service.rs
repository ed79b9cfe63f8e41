//! `TrackedService`: the tower service that hyper calls, with both bodies watched.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ::http::{HeaderValue, Method, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    connection_state::{ConnectionState, InFlight},
    request_body::RequestBody,
    response_body::ResponseBody,
    stream_room::StreamRoom,
    tunnel::Tunnel,
};
use crate::pool::{Account, LeaseError};

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

    /// The room of a stream of HTTP/2, if that is bounded.
    fn stream(
        &self,
        request: &Request<Incoming>,
        is_tunnel: bool,
        is_heard: bool,
    ) -> Result<Option<Arc<StreamRoom>>, LeaseError> {
        let Some(room) = self.state.http2_room().filter(|_| is_heard) else { return Ok(None) };
        room.note_streams(self.state.responses());
        Ok(Some(Arc::new(StreamRoom::try_new(room, request, is_tunnel)?)))
    }
}

impl<S, F, R, B> hyper::service::Service<Request<Incoming>> for TrackedService<S, F>
where
    S: Service<Request<R>, Response = Response<B>> + Clone,
    F: Fn(RequestBody) -> R,
    B: Body,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answer<S, R, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // CLAIM: a request that comes after the server has stopped is not answered.
        let is_heard = !self.state.is_closed();
        let in_flight = is_heard.then(|| self.state.dispatch());
        let is_connect = request.method() == Method::CONNECT;
        let stream = match self.stream(&request, is_connect, is_heard) {
            Ok(stream) => stream,
            Err(_) => return Answer { step: Step::Refused, in_flight, stream: None },
        };
        let mut request =
            request.map(|body| (self.body)(RequestBody::new(body, &self.state, is_heard)));
        if is_connect {
            self.state.note_connect();
            if self.state.is_http2() {
                request.extensions_mut().insert(Tunnel::new(&self.state, stream.clone()));
            }
        }
        if let Some(account) = &self.account {
            request.extensions_mut().insert(account.clone());
        }
        Answer {
            step: Step::Unready { service: self.service.clone(), request: Some(request) },
            in_flight,
            stream,
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
        stream: Option<Arc<StreamRoom>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, R, F> {
        /// The service is asked whether it is ready, as tower wants it.
        Unready { service: S, request: Option<Request<R>> },
        Called { #[pin] future: F },
        /// There is no room for the stream.
        Refused,
    }
}

/// RFC 9110 §15.6.4.
#[cold]
fn unavailable<B>(in_flight: InFlight) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::refused(in_flight));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

impl<S, R, B> Future for Answer<S, R, S::Future>
where
    S: Service<Request<R>, Response = Response<B>>,
    B: Body,
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
                    let stream = this.stream.take();
                    return Poll::Ready(Ok(
                        response.map(|body| ResponseBody::new(body, in_flight, stream))
                    ));
                }
                StepProjection::Refused => {
                    let in_flight =
                        this.in_flight.take().expect("an answer is polled until it is ready");
                    return Poll::Ready(Ok(unavailable(in_flight)));
                }
            };
            this.step.set(Step::Called { future });
        }
    }
}
