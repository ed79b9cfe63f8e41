//! `Granter`: what a queue asks of the floor above.

use std::{hash::Hash, time::Duration};

/// What a queue serves its waiters from. All methods are called with the queue's lock held.
pub(in crate::pool) trait Granter: Sized {
    /// What a waiter wants.
    type Request: Copy;
    /// What a waiter gets. Its drop may run code of others, so the queue drops none under its lock.
    type Grant;
    /// On whose behalf somebody waits; a clone of it is kept while it waits.
    type Holder: Clone;
    /// A limit that some holders stand under. Those that meet it wait in a lane of its own.
    type Limit: Copy + Ord + Hash;
    /// What a holder is told that met a limit.
    type Refused;

    /// Serves a request, all of it or nothing. Limits at which somebody may have room now are added
    /// to `woken`.
    fn grant(
        &self,
        holder: &Self::Holder,
        request: Self::Request,
        woken: &mut Vec<Self::Limit>,
    ) -> Granted<Self>;

    /// How much of its limits a request takes.
    fn bytes_of(&self, request: Self::Request) -> usize;

    /// Whether there is room under a limit, of which `promised` is for others.
    fn has_room_at(
        &self,
        limit: Self::Limit,
        holder: &Self::Holder,
        request: Self::Request,
        promised: usize,
    ) -> bool;

    /// The limit that was met.
    fn limit_of(refused: &Self::Refused) -> Self::Limit;

    /// All limits that a holder stands under.
    fn limits_of(holder: &Self::Holder) -> impl Iterator<Item = Self::Limit>;

    /// Says at a limit whether somebody waits there (FLAGGED).
    fn set_awaited(holder: &Self::Holder, limit: Self::Limit, is_awaited: bool);

    /// Says whether all that is leased and given back must meet the queue (FLAGGED).
    fn set_waiting(&self, waiting: bool);

    /// Whether more is out than may be, since that was lowered.
    fn is_over_limit(&self) -> bool;

    /// How long a grant waits to be collected.
    fn max_wait(&self) -> Duration;
}

/// What a request comes to.
pub(in crate::pool) type Granted<G> =
    Result<<G as Granter>::Grant, Blocked<<G as Granter>::Refused>>;

/// Why a request cannot be served now.
pub(in crate::pool) enum Blocked<R> {
    /// By a limit that its holder stands under.
    Limit(R),
    /// By the pool: nothing free that serves, or others wait for it.
    Pool,
}
