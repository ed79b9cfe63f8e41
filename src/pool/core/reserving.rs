//! Bytes of the budget without blocks: charge, then take the room.

use std::sync::atomic::Ordering::Relaxed;

use super::{Blocked, Core};
use crate::pool::{
    account::{AccountHandle, AccountKey, StandingCharge},
    reservation::Reservation,
};

impl Core {
    /// Reserves `len` bytes. Accounts at which a refund woke somebody are added to `woken`.
    pub(super) fn reserve(
        &self,
        account: &AccountHandle,
        len: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Reservation, Blocked> {
        if len == 0 {
            return Ok(Reservation::standing(StandingCharge::nothing(account)));
        }
        let charge = account.charge(len, in_turn).map_err(|mut refused| {
            woken.append(&mut refused.woken);
            Blocked::Account(refused)
        })?;
        if self.reserve_room(len, in_turn) {
            Ok(Reservation::standing(charge.stand()))
        } else {
            woken.extend(charge.refund());
            Err(Blocked::Pool)
        }
    }

    /// Gives reserved bytes back whose charge has been refunded, and serves whoever waits. The caller keeps the core.
    pub(in crate::pool) fn release(&self, bytes: usize, woken: Vec<AccountKey>) {
        let waiting = {
            let mut slab = self.slab.lock();
            slab.release(bytes);
            slab.waiting
        };
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Takes room from the slab; failing that, empties all magazines into it and tries again, for what is cached is out.
    fn reserve_room(&self, bytes: usize, in_turn: bool) -> bool {
        {
            let mut slab = self.slab.lock();
            if slab.waiting && !in_turn {
                return false;
            }
            let is_reserved = slab.reserve(bytes);
            self.hear(&mut slab);
            // While somebody waits, the magazines are empty (BYPASS).
            if is_reserved || slab.waiting {
                return is_reserved;
            }
        }
        self.drain(false);
        self.counters.steals.fetch_add(1, Relaxed);
        let mut slab = self.slab.lock();
        if slab.waiting && !in_turn {
            return false;
        }
        let is_reserved = slab.reserve(bytes);
        self.hear(&mut slab);
        is_reserved
    }
}
