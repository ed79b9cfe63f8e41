//! `StreamExecutor`: where the tasks of an HTTP/2 connection run.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use super::{
    connection_state::{ConnectionState, InFlight},
    spawner::Spawner,
};

/// The executor of a server's HTTP/2 connections.
///
/// It has a name because hyper's builder is generic over its executor:
/// [`Serve::configure_http2`](super::Serve::configure_http2).
#[derive(Clone, Debug)]
pub struct StreamExecutor {
    state: Arc<ConnectionState>,
    spawner: Spawner,
}

impl StreamExecutor {
    pub(super) fn new(state: Arc<ConnectionState>, spawner: Spawner) -> Self {
        Self { state, spawner }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    /// The types of hyper's tasks have no names. So once the client has asked for a tunnel, all
    /// tasks count, those of requests too: a request counts as long anyway (ANSWERED).
    fn execute(&self, task: F) {
        if self.state.may_tunnel() {
            self.spawner.spawn(StreamTask { task, _in_flight: self.state.begin_task() });
        } else {
            self.spawner.spawn(task);
        }
    }
}

pin_project! {
    /// A task that counts as a response in flight (TUNNEL).
    struct StreamTask<F> {
        #[pin]
        task: F,
        _in_flight: InFlight,
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().task.poll(cx)
    }
}
