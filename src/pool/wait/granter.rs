//! `Granter`: what a queue asks of the stratum above.

use std::{hash::Hash, time::Duration};

/// Serves the waiters of a queue. All methods are called with the queue's lock held.
pub(in crate::pool) trait Granter: Sized {
    /// What a waiter wants.
    type Request: Copy;
    /// What a waiter gets. Its drop may run foreign code, so the queue drops none under its lock.
    type Grant;
    /// For what a request waits: an account. A clone of it is kept meanwhile.
    type Holder: Clone;
    /// A limit that some holders are under. Requests that meet it wait in a lane of its own.
    type Limit: Copy + Ord + Hash;
    /// What a holder that met a limit is told.
    type Refused;

    /// Serves a request, all of it or nothing. Limits at which requests may have room now are added
    /// to `woken`.
    fn grant(
        &self,
        holder: &Self::Holder,
        request: Self::Request,
        woken: &mut Vec<Self::Limit>,
    ) -> Granted<Self>;

    /// How much of its limits a request takes.
    fn bytes_of(&self, request: Self::Request) -> usize;

    /// Whether a limit has room for a request, besides the `promised` bytes that are for others.
    fn has_room_at(
        &self,
        limit: Self::Limit,
        holder: &Self::Holder,
        request: Self::Request,
        promised: usize,
    ) -> bool;

    /// The limit that was met.
    fn limit_of(refused: &Self::Refused) -> Self::Limit;

    /// All limits that a holder is under.
    fn limits_of(holder: &Self::Holder) -> impl Iterator<Item = Self::Limit>;

    /// Notes at a limit whether requests wait there (FLAGGED).
    fn set_awaited(holder: &Self::Holder, limit: Self::Limit, is_awaited: bool);

    /// Notes whether all leases and returns must meet the queue (FLAGGED).
    fn set_waiting(&self, waiting: bool);

    /// Whether more is out than the limit allows, because it was lowered.
    fn is_over_limit(&self) -> bool;

    /// How long a grant may stay uncollected.
    fn max_wait(&self) -> Duration;
}

/// The result of a request.
pub(in crate::pool) type Granted<G> =
    Result<<G as Granter>::Grant, Blocked<<G as Granter>::Refused>>;

/// Why a request cannot be served now.
pub(in crate::pool) enum Blocked<R> {
    /// By a limit that its holder is under.
    Limit(R),
    /// By the pool: it has nothing free that fits, or other requests wait for it.
    Pool,
}
