//! `OpenBody`: the body of a request, as its connection sees it.

use std::{sync::Arc, task::Waker};

use super::connection_state::ConnectionState;

/// Counts a request body until its end, or until it is dropped.
#[derive(Debug)]
pub(super) struct OpenBody {
    state: Arc<ConnectionState>,
    /// The number of its request: how many were dispatched by then. None once the end was seen.
    number: Option<u32>,
}

impl OpenBody {
    /// A body that is not at its end yet.
    pub(super) fn begin(state: &Arc<ConnectionState>) -> Self {
        Self { number: Some(state.begin_body()), state: Arc::clone(state) }
    }

    /// A body that counts for nothing: it has no bytes, or is never read.
    pub(super) fn ended(state: &Arc<ConnectionState>) -> Self {
        Self { number: None, state: Arc::clone(state) }
    }

    pub(super) fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// Whether the end was seen.
    pub(super) fn is_ended(&self) -> bool {
        self.number.is_none()
    }

    /// The service asks for more (WAITED). Returns the waker to give to hyper in place of `waker`,
    /// if any.
    pub(super) fn begin_wait(&self, waker: &Waker) -> Option<Waker> {
        self.state.begin_body_wait(self.number?, waker)
    }

    /// The service has got what it asked for.
    pub(super) fn end_wait(&self) {
        self.number.into_iter().for_each(|number| self.state.end_body_wait(number));
    }

    /// The end was seen.
    pub(super) fn end(&mut self) {
        if let Some(number) = self.number.take() {
            self.state.end_body(number, false);
        }
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.state.end_body(number, true);
        }
    }
}
