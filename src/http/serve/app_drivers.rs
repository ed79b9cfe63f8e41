//! `AppDrivers`: hyper's part of the connections of a listener, with the services of its app.

use std::marker::PhantomData;

use super::{
    App, IncomingStream, Listener, RemoteAddr,
    driver::{Driver, Drivers, Waking},
    peer::Peer,
};
use crate::sync::Mutex;

/// Makes drivers for the services of an app.
pub(super) struct AppDrivers<A, L, Via> {
    /// None if connections keep their services.
    app: Option<Mutex<A>>,
    _on: PhantomData<fn() -> (L, Via)>,
}

impl<A, L, Via> AppDrivers<A, L, Via> {
    pub(super) fn new(app: Option<A>) -> Self {
        Self { app: app.map(Mutex::new), _on: PhantomData }
    }
}

impl<A, L, Via> Drivers<L::Io> for AppDrivers<A, L, Via>
where
    L: Listener,
    A: App<L, Via>,
    Via: 'static,
{
    fn client<'a>(&self, peer: &'a Peer) -> &'a RemoteAddr {
        peer.addr::<A::Service>()
    }

    fn driver(&self, waking: Waking<'_, L::Io>) -> Box<dyn Driver<L::Io>> {
        let service = waking.peer.service().unwrap_or_else(|| {
            let client = self.client(waking.peer).get::<L::Addr>().expect("the listener told it");
            let app = self.app.as_ref().expect("a service is kept, or made here");
            app.lock().service(IncomingStream::new(&waking.io, client.clone()))
        });
        waking.drive(service, A::body)
    }
}
