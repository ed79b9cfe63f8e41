//! Bytes of the budget without blocks: charge first, then take the room.

use std::sync::atomic::Ordering::Relaxed;

use super::{AccountHandle, Core, HeldCharge};
use crate::pool::{
    engine::{grant::Blocked, reserved::Reserved},
    ledger::AccountKey,
};

impl Core {
    /// Reserves `len` bytes. Accounts at which a refund may serve a waiter are added to `woken`.
    pub(super) fn reserve(
        &self,
        account: &AccountHandle,
        len: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Reserved, Blocked> {
        if len == 0 {
            return Ok(Reserved::standing(HeldCharge::nothing(account)));
        }
        let charge = account.charge(len, in_turn).map_err(|mut refused| {
            woken.append(&mut refused.woken);
            Blocked::Limit(refused)
        })?;
        if self.reserve_room(len, in_turn) {
            Ok(Reserved::standing(charge.stand()))
        } else {
            woken.extend(charge.refund());
            Err(Blocked::Pool)
        }
    }

    /// Gives back reserved bytes whose charge has been refunded, and serves the waiters. The caller
    /// keeps the core.
    pub(in crate::pool) fn release(&self, bytes: usize, woken: Vec<AccountKey>) {
        let waiting = {
            let mut stock = self.stock.lock();
            stock.slab.release(bytes);
            stock.waiting
        };
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Takes room from the slab. If there is too little, it empties all magazines into the slab and
    /// tries again, because cached blocks count as out.
    fn reserve_room(&self, bytes: usize, in_turn: bool) -> bool {
        {
            let mut stock = self.stock.lock();
            if stock.waiting && !in_turn {
                return false;
            }
            let is_reserved = stock.slab.reserve(bytes);
            self.hear(&mut stock);
            // While a request waits, the magazines are empty (BYPASS).
            if is_reserved || stock.waiting {
                return is_reserved;
            }
        }
        self.drain(false);
        self.counters.cache_flushes.fetch_add(1, Relaxed);
        let mut stock = self.stock.lock();
        if stock.waiting && !in_turn {
            return false;
        }
        let is_reserved = stock.slab.reserve(bytes);
        self.hear(&mut stock);
        is_reserved
    }
}
