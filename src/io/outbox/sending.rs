//! `Sending`: the wait of a sender for room.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{error::SendError, item::cost_of, sender_queue::Ticket, state::OutboxState};
use crate::{chain::Chain, sync::Mutex, util::AfterUnlock};

/// A chain with a place in the queue. Its drop leaves the queue, and nothing of the chain is sent.
pub(super) struct Sending<'a> {
    state: &'a Mutex<OutboxState>,
    chain: Chain,
    place: Option<Ticket>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(state: &'a Mutex<OutboxState>, chain: Chain) -> Self {
        Self { state, chain, place: None }
    }
}

impl Future for Sending<'_> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let mut after = AfterUnlock::default();
        let sent = {
            let mut state = this.state.lock();
            match this.place {
                Some(ticket) => state.collect(ticket, &mut this.chain, &mut waker, &mut after),
                None => {
                    this.place = state.join(cost_of(&this.chain), &mut waker);
                    this.place
                        .is_none()
                        .then(|| state.push(std::mem::take(&mut this.chain), &mut after))
                }
            }
        };
        if sent.is_some() {
            this.place = None;
        }
        after.finish();
        sent.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.place.take() {
            let mut after = AfterUnlock::default();
            self.state.lock().leave(ticket, &mut after);
            after.finish();
        }
    }
}
