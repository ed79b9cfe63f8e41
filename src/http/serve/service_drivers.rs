//! `ServiceDrivers`: hyper's part of one connection, with a service of its own.

use ::http::{Request, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    BoxError, RemoteAddr, RequestBody,
    driver::{Driver, Drivers, Waking},
    peer::Peer,
};
use crate::sync::Mutex;

/// Makes drivers for one service.
pub(super) struct ServiceDrivers<S>(Mutex<S>);

impl<S> ServiceDrivers<S> {
    pub(super) fn new(service: S) -> Self {
        Self(Mutex::new(service))
    }
}

impl<T, S, B> Drivers<T> for ServiceDrivers<S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<
            Request<RequestBody>,
            Response = Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    fn client<'a>(&self, peer: &'a Peer) -> &'a RemoteAddr {
        peer.addr::<S>()
    }

    fn driver(&self, waking: Waking<'_, T>) -> Box<dyn Driver<T>> {
        let service = self.0.lock().clone();
        waking.drive(service, |body| body)
    }
}
