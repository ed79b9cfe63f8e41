//! `Watch`: a wait for an event of an outbox.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{error::FlushError, sender_queue::Ticket, state::OutboxState, watchers::Until};
use crate::{sync::Mutex, util::AfterUnlock};

pub(super) struct Watch<'a> {
    state: &'a Mutex<OutboxState>,
    until: Until,
    ticket: Option<Ticket>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(state: &'a Mutex<OutboxState>, until: Until) -> Self {
        Self { state, until, ticket: None }
    }
}

impl Future for Watch<'_> {
    type Output = Result<(), FlushError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let outcome = this.state.lock().watch(&mut this.ticket, this.until, &mut waker);
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut after = AfterUnlock::default();
            self.state.lock().leave_watch(ticket, &mut after);
            after.finish();
        }
    }
}
