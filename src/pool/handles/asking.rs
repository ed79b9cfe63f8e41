//! From a request for memory to a grant, or to the error that refuses it.
//!
//! # Invariants
//! - TOLD: a refusal is counted, and reported by `tracing`, exactly when code outside of this crate
//!   gets the error. A failed try that the crate follows with a wait, or can do without, is not
//!   counted.

use std::sync::atomic::Ordering::Relaxed;

use super::{Account, LeaseError};
use crate::pool::{
    engine::{AccountNode, Blocked, Grant, Request, trace},
    ledger::Owner,
};

/// The shape of memory that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Block,
    Chain,
    Reservation,
}

impl Account {
    /// Counts a refusal that the caller is told of (TOLD).
    #[cold]
    pub(crate) fn told(&self, error: LeaseError) -> LeaseError {
        if error.is_over_limit() || error.is_exhausted() { self.refused(error) } else { error }
    }

    /// The capacity that a chain of `len` bytes takes if the best blocks are free.
    pub(crate) fn chain_capacity(&self, len: usize) -> usize {
        self.core().bytes_of(Request::Chain(len))
    }

    /// The request to the core, or the error if it can never be served.
    #[inline]
    pub(super) fn request(&self, len: usize, shape: Shape) -> Result<Request, LeaseError> {
        let core = self.core();
        let limit = self.handle().limit_of_all();
        let request = match shape {
            Shape::Block => core.classes.holding(len).map(Request::Block),
            Shape::Chain => (len <= self.chain_len_max()).then_some(Request::Chain(len)),
            Shape::Reservation => {
                (len <= self.reservation_len_max()).then_some(Request::Reservation(len))
            }
        };
        request.filter(|&request| core.bytes_of(request) <= limit).ok_or_else(|| match shape {
            Shape::Block => self.too_large(len),
            // The bytes that fit under the limit in whole blocks.
            Shape::Chain => LeaseError::too_large(
                len,
                self.chain_len_max().min(limit - limit % self.block_len_for(0)),
            ),
            Shape::Reservation => LeaseError::too_large(len, self.reservation_max()),
        })
    }

    /// Leases for a request that was not tried yet. Always inlined: a grant that is returned
    /// through memory costs 4 % of a reservation.
    #[inline(always)]
    pub(super) fn lease_now(&self, request: Request) -> Result<Grant, Blocked> {
        let core = self.core();
        let mut woken = Vec::new();
        let leased = core.lease_request(self.handle(), request, false, &mut woken);
        core.serve(woken);
        if leased.is_ok() {
            core.note_leased(false);
        }
        leased
    }

    /// Finishes a lease that did not succeed at once: it is refused, unless it may pass the
    /// waiters. The refusal is not counted yet (TOLD).
    #[cold]
    pub(super) fn lease_blocked(
        &self,
        len: usize,
        shape: Shape,
        blocked: Blocked,
    ) -> Result<Grant, LeaseError> {
        let core = self.core();
        let request = self.request(len, shape).inspect_err(|_| {
            // The try may have emptied magazines, or charged an account for a moment, just when
            // another request began to wait.
            core.serve_now(Vec::new());
        })?;
        let (leased, done) = {
            let mut queue = core.queue.lock();
            queue.serve_outsider(core, self.handle(), request, blocked)
        };
        core.finish(done);
        leased.map_err(|blocked| self.refusal(&blocked, core.bytes_of(request)))
    }

    #[cold]
    pub(super) fn too_large(&self, len: usize) -> LeaseError {
        let limit = self.handle().limit_of_all();
        let classes = &self.core().classes;
        let most = classes
            .iter()
            .map(|class| classes.len_of(class))
            .filter(|&class_len| class_len <= limit)
            .max();
        LeaseError::too_large(len, most.unwrap_or(0))
    }

    /// Counts a refusal and reports it. No lock may be held.
    pub(super) fn refused(&self, error: LeaseError) -> LeaseError {
        let core = self.core();
        core.counters.refused.fetch_add(1, Relaxed);
        if error.is_exhausted() || error.is_deadline_passed() {
            trace::short(&core.counters.warned, &core.accounts, self.name(), &error);
        } else {
            trace::over_limit(self.name(), &error);
        }
        error
    }

    /// The error of a request that was blocked. It is counted when the caller gets it (TOLD).
    fn refusal(&self, blocked: &Blocked, wanted: usize) -> LeaseError {
        match blocked {
            Blocked::Limit(refused) => {
                let name = self.handle().find(refused.at).map_or("", AccountNode::name);
                LeaseError::account_full(name, wanted, refused.left, refused.limit)
            }
            Blocked::Pool => {
                let (limit, left) = self.core().limit_and_room();
                if limit < self.budget_of_pool() && left < wanted {
                    let name = self.handle().ancestors().last().map_or("", AccountNode::name);
                    LeaseError::account_full(name, wanted, left, limit)
                } else {
                    LeaseError::pool_empty(wanted)
                }
            }
        }
    }
}
