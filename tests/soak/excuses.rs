//! `Excuses`: whom a server has left, and was right to.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use leasehold::LeaseError;

/// A handler that finds no memory says so here before it hangs up; a guest that is hung up on and
/// finds nothing here has found a defect.
#[derive(Default)]
pub(crate) struct Excuses(Mutex<State>);

#[derive(Default)]
struct State {
    guests: HashSet<SocketAddr>,
    /// Who is behind a relay's connection.
    behind: HashMap<SocketAddr, SocketAddr>,
}

impl Excuses {
    /// Puts one down if `error` is a lack of memory.
    pub(crate) fn put(&self, guest: SocketAddr, error: &(dyn Error + 'static)) {
        if !is_lease(error) {
            return;
        }
        self.with(|state| {
            let guest = state.behind.get(&guest).copied().unwrap_or(guest);
            state.guests.insert(guest);
        });
    }

    /// What is said of `near` is meant for `guest`.
    pub(crate) fn stand_for(&self, near: SocketAddr, guest: SocketAddr) {
        self.with(|state| state.behind.insert(near, guest));
    }

    /// A new guest has an address that somebody else may have had.
    pub(crate) fn forget(&self, guest: SocketAddr) {
        self.with(|state| state.guests.remove(&guest));
    }

    pub(crate) fn has(&self, guest: SocketAddr) -> bool {
        self.with(|state| state.guests.contains(&guest))
    }

    fn with<R>(&self, step: impl FnOnce(&mut State) -> R) -> R {
        step(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a lack of memory is what an error comes to.
pub(crate) fn is_lease(error: &(dyn Error + 'static)) -> bool {
    // An `io::Error` shows what it wraps by `get_ref`, and the source of that by `source`.
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return is_lease(inner);
    }
    error.is::<LeaseError>() || error.source().is_some_and(is_lease)
}
