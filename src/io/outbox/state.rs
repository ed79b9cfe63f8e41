//! `OutboxState`: the state that the senders of an outbox and its writer share, under one lock.
//!
//! # Invariants
//! - HELD: `held` is the sum of the costs of `items`, of what is left of the items in a call, and
//!   of the places granted in the queue of senders. `count` is the number of all these. Both change
//!   together with what they count.
//! - IDLE: while `is_idle`, the writer waits for an item, with its waker here. There are no
//!   `items`, and all was flushed.
//! - NONE-WAIT: when there is an `end`, no sender waits. When it is a cut, there are no `items`
//!   either.

use std::{collections::VecDeque, task::Waker};

use super::{
    Policy,
    batch::Batch,
    end::End,
    error::{FlushError, SendError},
    item::{Item, cost_of},
    limits::Limits,
    sender_queue::Ticket,
    waiters::Waiters,
    watchers::Until,
};
use crate::{chain::Chain, util::AfterUnlock};

#[derive(Debug)]
pub(super) struct OutboxState {
    limits: Limits,
    items: VecDeque<Item>,
    is_begun: bool,
    is_idle: bool,
    count: u32,
    held: usize,
    /// What the items in a call cost at its beginning.
    in_call: usize,
    /// The number of the next item.
    next: u64,
    /// All items with a lower number were flushed, or dropped.
    flushed: u64,
    next_ticket: Ticket,
    end: Option<End>,
    senders: usize,
    writer: Option<Waker>,
    waiters: Waiters,
    dropped_count: u64,
    dropped_bytes: u64,
}

/// What an outbox let go of.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    items: VecDeque<Item>,
    waker: Option<Waker>,
}

/// What the writer is to do next.
pub(super) enum Step {
    /// Write these, then call [`OutboxState::settle`].
    Write(Batch),
    /// Flush the transport, then call [`OutboxState::note_flushed`] with this number.
    Flush(u64),
    /// Shut the transport down, then call [`OutboxState::note_shut`].
    Shutdown,
    /// Wait. The writer will be woken.
    Wait,
    /// All senders are gone, and none of them closed the outbox.
    Leave,
    Ended(End),
}

impl OutboxState {
    /// Makes the state of an outbox with one sender.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            items: VecDeque::new(),
            is_begun: false,
            is_idle: false,
            count: 0,
            held: 0,
            in_call: 0,
            next: 0,
            flushed: 0,
            next_ticket: 0,
            end: None,
            senders: 1,
            writer: None,
            waiters: Waiters::default(),
            dropped_count: 0,
            dropped_bytes: 0,
        }
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub(super) fn dropped_count(&self) -> u64 {
        self.dropped_count
    }

    pub(super) fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// Whether a sender that finds the outbox full waits.
    pub(super) fn waits(&self) -> bool {
        self.limits.policy == Policy::Wait
    }

    // ---- senders --------------------------------------------------------------------------------

    pub(super) fn add_sender(&mut self) {
        self.senders += 1;
    }

    pub(super) fn remove_sender(&mut self, after: &mut AfterUnlock<Dropped>) {
        self.senders -= 1;
        if self.senders == 0 {
            self.rouse(after);
        }
    }

    /// Queues an item, or does what the policy says.
    pub(super) fn push(
        &mut self,
        chain: Chain,
        after: &mut AfterUnlock<Dropped>,
    ) -> Result<(), SendError> {
        if let Some(end) = &self.end {
            return Err(SendError::ended(chain, end.clone()));
        }
        let cost = cost_of(&chain);
        if cost == 0 {
            return Ok(());
        }
        if !self.has_room(cost) {
            match self.limits.policy {
                Policy::Wait | Policy::Refuse => return Err(self.full(chain, cost)),
                Policy::DropOldest => {
                    if !self.drop_oldest(cost, after) {
                        return Err(self.full(chain, cost));
                    }
                }
                Policy::Close => {
                    self.cut(End::Overflown, after);
                    return Err(SendError::ended(chain, End::Overflown));
                }
            }
        }
        self.hold(cost);
        self.append(chain, after);
        Ok(())
    }

    /// Takes a place in the queue for an item that did not fit. Returns `None` if it fits now, or
    /// if the outbox has ended; then push it again.
    pub(super) fn join(&mut self, cost: usize, waker: &mut Option<Waker>) -> Option<Ticket> {
        if self.end.is_some() || self.has_room(cost) {
            return None;
        }
        let ticket = self.take_ticket();
        self.waiters.line_mut().join(ticket, cost, waker.take());
        Some(ticket)
    }

    /// Queues the item of a place that was granted. Hands the item back if the outbox has ended.
    pub(super) fn collect(
        &mut self,
        ticket: Ticket,
        chain: &mut Chain,
        waker: &mut Option<Waker>,
        after: &mut AfterUnlock<Dropped>,
    ) -> Option<Result<(), SendError>> {
        if let Some(end) = &self.end {
            return Some(Err(SendError::ended(std::mem::take(chain), end.clone())));
        }
        let is_granted = self.waiters.change(|line, _| line.collect(ticket, waker));
        if is_granted != Some(true) {
            return None;
        }
        self.append(std::mem::take(chain), after);
        Some(Ok(()))
    }

    /// Gives up a place in the queue. The room that was granted to it, or held back by it, goes to
    /// the senders behind it.
    pub(super) fn leave(&mut self, ticket: Ticket, after: &mut AfterUnlock<Dropped>) {
        let Some(place) = self.waiters.change(|line, _| line.leave(ticket)).flatten() else {
            return;
        };
        if place.is_granted() {
            self.release(place.cost);
        }
        after.dropped.waker = place.into_waker();
        self.serve(after);
    }

    /// Takes no more items. What is queued is sent.
    pub(super) fn close(&mut self, after: &mut AfterUnlock<Dropped>) {
        if self.end.is_none() {
            self.end = Some(End::Closed);
            self.dismiss(|until| until == Until::Closed, after);
            self.rouse(after);
        }
    }

    /// Whether it has happened. If not, the waker is kept.
    pub(super) fn watch(
        &mut self,
        ticket: &mut Option<Ticket>,
        until: Until,
        waker: &mut Option<Waker>,
    ) -> Option<Result<(), FlushError>> {
        let outcome = match (until, &self.end) {
            (Until::Flushed(upto), _) if upto <= self.flushed => Some(Ok(())),
            (Until::Flushed(_), Some(end)) if end.is_cut() => {
                Some(Err(FlushError::new(end.clone())))
            }
            (Until::Closed, Some(_)) => Some(Ok(())),
            _ => None,
        };
        if outcome.is_none() {
            let ticket = *ticket.get_or_insert_with(|| self.take_ticket());
            self.waiters.watchers_mut().watch(ticket, until, waker);
        }
        outcome
    }

    pub(super) fn leave_watch(&mut self, ticket: Ticket, after: &mut AfterUnlock<Dropped>) {
        after.dropped.waker = self.waiters.change(|_, watchers| watchers.leave(ticket)).flatten();
    }

    // ---- the writer -----------------------------------------------------------------------------

    /// Begins a poll of the writer.
    pub(super) fn register(&mut self, waker: &mut Option<Waker>) {
        self.is_idle = false;
        std::mem::swap(&mut self.writer, waker);
    }

    /// The waker that the writer left, if it waits.
    pub(super) fn unregister(&mut self, after: &mut AfterUnlock<Dropped>) {
        after.dropped.waker = self.writer.take();
    }

    pub(super) fn step(&mut self) -> Step {
        if let Some(end) = self.end.as_ref().filter(|end| !matches!(end, End::Closed)) {
            return Step::Ended(end.clone());
        }
        let written = self.items.front().map_or(self.next, |item| item.number);
        if self.flushed < written && (self.items.is_empty() || self.waiters.want_flush(written)) {
            return Step::Flush(written);
        }
        if !self.items.is_empty() {
            let batch = Batch::take(&mut self.items, self.is_begun);
            self.is_begun = false;
            self.in_call = batch.cost();
            return Step::Write(batch);
        }
        if self.end.is_some() {
            return Step::Shutdown;
        }
        if self.senders == 0 {
            return Step::Leave;
        }
        self.is_idle = true;
        Step::Wait
    }

    /// Takes back what is left of a batch of `taken` items after a call.
    pub(super) fn settle(&mut self, batch: Batch, taken: usize, after: &mut AfterUnlock<Dropped>) {
        let left = batch.cost();
        self.held -= self.in_call - left;
        self.count -= (taken - batch.items.len()) as u32;
        self.in_call = 0;
        if self.end.as_ref().is_some_and(End::is_cut) {
            self.held -= left;
            self.count -= batch.items.len() as u32;
            after.dropped.items = batch.items;
            return;
        }
        self.is_begun = batch.is_begun && !batch.items.is_empty();
        if self.items.is_empty() {
            self.items = batch.items;
        } else {
            batch.items.into_iter().rev().for_each(|item| self.items.push_front(item));
        }
        if self.items.is_empty() {
            self.items = VecDeque::new();
        }
        self.serve(after);
    }

    pub(super) fn note_flushed(&mut self, upto: u64, after: &mut AfterUnlock<Dropped>) {
        self.flushed = upto;
        let is_met = |until| matches!(until, Until::Flushed(wanted) if wanted <= upto);
        self.waiters.change(|_, watchers| after.wakers.extend(watchers.take(is_met)));
    }

    pub(super) fn note_shut(&mut self) {
        self.end = Some(End::Shut);
    }

    /// Ends at once: what is queued goes home, and no task waits any more. The first end of this
    /// kind stays.
    pub(super) fn cut(&mut self, end: End, after: &mut AfterUnlock<Dropped>) {
        if self.end.as_ref().is_some_and(|end| !matches!(end, End::Closed)) {
            return;
        }
        self.end = Some(end);
        self.dismiss(|_| true, after);
        self.held = self.in_call;
        self.count -= self.items.len() as u32;
        self.is_begun = false;
        after.dropped.items = std::mem::take(&mut self.items);
        self.is_idle = false;
        after.wakers.extend(self.writer.take());
    }

    // ---- both -----------------------------------------------------------------------------------

    fn has_room(&self, cost: usize) -> bool {
        !self.waiters.has_waiting() && self.limits.admit(self.held, self.count, cost)
    }

    fn hold(&mut self, cost: usize) {
        self.held += cost;
        self.count += 1;
    }

    fn release(&mut self, cost: usize) {
        self.held -= cost;
        self.count -= 1;
    }

    fn append(&mut self, chain: Chain, after: &mut AfterUnlock<Dropped>) {
        self.items.push_back(Item { chain, number: self.next });
        self.next += 1;
        self.rouse(after);
    }

    fn full(&self, chain: Chain, cost: usize) -> SendError {
        SendError::full(chain, cost, self.held, self.limits.high, self.count, self.limits.max_items)
    }

    /// Drops the oldest items until an item of this cost fits, if that helps. An item that is begun
    /// or in a call is not dropped (WHOLE).
    fn drop_oldest(&mut self, cost: usize, after: &mut AfterUnlock<Dropped>) -> bool {
        let begun = usize::from(self.is_begun);
        let fixed = self.in_call + self.items.iter().take(begun).map(Item::cost).sum::<usize>();
        let fixed_count = self.count - (self.items.len() - begun) as u32;
        if !self.limits.admit(fixed, fixed_count, cost) {
            return false;
        }
        while !self.limits.admit(self.held, self.count, cost) {
            let item = self.items.remove(begun).expect("what may not go leaves room (HELD)");
            self.release(item.cost());
            self.dropped_count += 1;
            self.dropped_bytes += item.chain.len() as u64;
            after.dropped.items.push_back(item);
        }
        true
    }

    /// Wakes the writer if it waits for an item.
    fn rouse(&mut self, after: &mut AfterUnlock<Dropped>) {
        if std::mem::take(&mut self.is_idle) {
            after.wakers.extend(self.writer.take());
        }
    }

    /// When little enough is queued, grants places in the queue, as many as fit (LOW-MARK).
    fn serve(&mut self, after: &mut AfterUnlock<Dropped>) {
        if !self.limits.is_low(self.held, self.count) {
            return;
        }
        let (limits, held, count) = (&self.limits, &mut self.held, &mut self.count);
        self.waiters.change(|line, _| {
            while let Some((cost, waker)) =
                line.grant_next(|cost| limits.admit(*held, *count, cost))
            {
                *held += cost;
                *count += 1;
                after.wakers.push(waker);
            }
        });
    }

    /// Removes all senders from the queue, and the watchers for which `is_met` is true.
    fn dismiss(&mut self, is_met: impl FnMut(Until) -> bool, after: &mut AfterUnlock<Dropped>) {
        let (held, count) = (&mut self.held, &mut self.count);
        self.waiters.change(|line, watchers| {
            for place in line.leave_all() {
                if place.is_granted() {
                    *held -= place.cost;
                    *count -= 1;
                }
                after.wakers.extend(place.into_waker());
            }
            after.wakers.extend(watchers.take(is_met));
        });
    }

    fn take_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }
}

#[cfg(test)]
mod tests {
    use super::OutboxState;
    use crate::sync::Mutex;

    #[test]
    fn an_idle_outbox_is_one_allocation_of_less_than_200_bytes() {
        let len = size_of::<Mutex<OutboxState>>() + 2 * size_of::<usize>();
        assert!(len < 200, "{len}");
    }
}
