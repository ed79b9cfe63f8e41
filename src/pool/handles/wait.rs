//! `Wait`: one try, then a place in the queue with a deadline.

use std::{
    fmt,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
    time::Duration,
};

use super::{Account, BlockMut, LeaseError, asking::Shape};
use crate::{
    pool::{
        engine::{Blocked, Grant, Request},
        wait::{HOLD_MAX, Progress, Ticket},
    },
    sync::Sleep,
};

/// A wait for memory of some shape: one try first, then a place in the queue with a deadline.
pub(crate) struct Wait {
    account: Account,
    len: usize,
    shape: Shape,
    within: Duration,
    place: Option<Queued>,
    /// The account whose limit began the wait. `None` if the pool was exhausted.
    over_limit: Option<String>,
}

struct Queued {
    ticket: Ticket,
    deadline: Sleep,
    /// Runs while this waiter holds back the waiters behind it.
    hold: Option<Sleep>,
}

/// The result of a poll of the queue.
enum Collected {
    Ready(Result<Grant, LeaseError>),
    Waiting { holds: bool },
}

impl Wait {
    pub(crate) fn new(account: &Account, len: usize, shape: Shape, within: Duration) -> Self {
        Self { account: account.clone(), len, shape, within, place: None, over_limit: None }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// As `poll_grant`, for blocks.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<BlockMut>, LeaseError>> {
        self.poll_grant(cx).map_ok(|grant| BlockMut::all_of(grant.into_blocks()))
    }

    pub(super) fn poll_grant(&mut self, cx: &mut Context<'_>) -> Poll<Result<Grant, LeaseError>> {
        if self.place.is_none() {
            let request = self.account.request(self.len, self.shape)?;
            let core = self.account.core();
            if core.refuses(self.account.handle(), core.bytes_of(request)) {
                return Poll::Ready(Err(self.passed()));
            }
            match self.account.lease_now(request) {
                Ok(grant) => return Poll::Ready(Ok(grant)),
                Err(blocked) => self.join(request, &blocked, cx),
            }
        }
        loop {
            match self.collect(cx) {
                Collected::Ready(collected) => return Poll::Ready(collected),
                Collected::Waiting { holds } if !self.poll_hold(cx, holds) => break,
                Collected::Waiting { .. } => {}
            }
        }
        let place = self.place.as_mut().expect("a place was taken above");
        if place.deadline.poll_passed(cx).is_pending() {
            return Poll::Pending;
        }
        // If no thread leases or returns, nothing has taken uncollected grants back yet. This is
        // the last chance to be granted one of them.
        self.account.core().serve_now(Vec::new());
        if let Collected::Ready(collected) = self.collect(cx) {
            return Poll::Ready(collected);
        }
        self.leave();
        Poll::Ready(Err(self.passed()))
    }

    /// Collects the grant, if there is one.
    fn collect(&mut self, cx: &mut Context<'_>) -> Collected {
        let place = self.place.as_ref().expect("a place is taken before anything is collected");
        let waker = cx.waker().clone();
        let (progress, old) = self.account.core().queue.lock().poll(place.ticket, waker);
        drop(old);
        match progress {
            Progress::Waiting { holds } => Collected::Waiting { holds },
            Progress::Granted(grant) => {
                self.place = None;
                Collected::Ready(Ok(grant))
            }
            Progress::TakenBack => {
                self.place = None;
                Collected::Ready(Err(self.passed()))
            }
        }
    }

    /// Stops holding back other waiters when the time is over (NO-FREEZE). Returns whether it
    /// stopped now.
    fn poll_hold(&mut self, cx: &mut Context<'_>, holds: bool) -> bool {
        let Some(place) = &mut self.place else { return false };
        if !holds {
            place.hold = None;
            return false;
        }
        if place.hold.get_or_insert_with(|| Sleep::new(HOLD_MAX)).poll_passed(cx).is_pending() {
            return false;
        }
        place.hold = None;
        let core = self.account.core();
        let done = core.queue.lock().end_hold(core, place.ticket);
        core.finish(done);
        true
    }

    fn join(&mut self, request: Request, blocked: &Blocked, cx: &mut Context<'_>) {
        // This comes first, because it may panic.
        let deadline = Sleep::new(self.within);
        let core = self.account.core();
        self.over_limit = match blocked {
            Blocked::Limit(refused) => {
                self.account.handle().find(refused.at).map(|at| at.name().to_owned())
            }
            Blocked::Pool => None,
        };
        core.counters.waits.fetch_add(1, Relaxed);
        let waker = cx.waker().clone();
        let (ticket, done) =
            core.queue.lock().join(core, self.account.handle(), request, blocked, waker);
        self.place = Some(Queued { ticket, deadline, hold: None });
        core.finish(done);
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            let core = self.account.core();
            let done = core.queue.lock().leave(core, place.ticket);
            core.finish(done);
        }
    }

    fn passed(&self) -> LeaseError {
        self.account.refused(LeaseError::deadline_passed(
            self.over_limit.as_deref(),
            self.len,
            self.within,
        ))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("len", &self.len)
            .field("shape", &self.shape)
            .field("within", &self.within)
            .field("is_queued", &self.place.is_some())
            .finish()
    }
}
