//! From a request to blocks: charge first, then take, from one store after the other.

use std::sync::atomic::Ordering::Relaxed;

use super::{AccountHandle, Charge, Core, Stock};
use crate::pool::{
    engine::{
        block_ref::Fresh,
        grant::{Blocked, Grant},
        request::Request,
    },
    ledger::{AccountKey, Owner},
    store::{ClassIndex, Popped, RawBlock, RunPlacement},
};

/// The most blocks of a leased chain. With the head of a response in front, 64 buffers go into one
/// writev.
pub(in crate::pool) const CHAIN_BLOCKS_MAX: usize = 63;

/// Why a refill found no block.
enum NoBlock {
    Empty,
    /// Other requests wait, and must not be passed.
    Waiting,
}

impl Core {
    /// Leases one block of `class`, if this thread's shard has one and no limit is near. That is
    /// nearly always so.
    #[inline]
    pub(in crate::pool) fn lease_fast(
        &self,
        account: &AccountHandle,
        class: ClassIndex,
    ) -> Option<Fresh> {
        if account.is_special() {
            return None;
        }
        let charge = account.charge_fast(self.classes.len_of(class))?;
        match self.cache.pop_mine(class) {
            Some(raw) => Some(Fresh::leased(raw, charge)),
            None => {
                self.refund(charge);
                None
            }
        }
    }

    /// Refunds a charge for which there was no block.
    #[cold]
    fn refund(&self, charge: Charge<'_>) {
        self.serve(charge.refund());
    }

    /// Leases one block of `class`, or of the next one up, for a request that does not wait.
    #[cold]
    pub(in crate::pool) fn lease_block(
        &self,
        account: &AccountHandle,
        class: ClassIndex,
    ) -> Result<Fresh, Blocked> {
        let mut woken = Vec::new();
        // This comes first: a waker may panic, and a raw block has no drop (HOME).
        let leased = self.lease_class(account, class, false, &mut woken);
        self.serve(woken);
        self.note_leased(false);
        leased
    }

    /// Leases what a request asks for, all of it or nothing. Accounts at which a refund may serve a
    /// waiter are added to `woken`.
    pub(in crate::pool) fn lease_request(
        &self,
        account: &AccountHandle,
        request: Request,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Grant, Blocked> {
        match request {
            Request::Block(class) => {
                self.lease_class(account, class, in_turn, woken).map(Grant::block)
            }
            Request::Chain(len) => {
                self.lease_chain(account, len, in_turn, woken).map(Grant::Blocks)
            }
            Request::Reservation(len) => {
                self.reserve(account, len, in_turn, woken).map(Grant::Reserved)
            }
        }
    }

    /// Leases one block of `class`, or of the next one up if the pool has none.
    fn lease_class(
        &self,
        account: &AccountHandle,
        class: ClassIndex,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Fresh, Blocked> {
        let mut leased = self.lease_exact(account, class, in_turn, woken);
        if let (Err(Blocked::Pool), Some(above)) = (&leased, self.classes.above(class)) {
            leased = self.lease_exact(account, above, in_turn, woken).map_err(|_| Blocked::Pool);
        }
        leased.map(|(raw, charge)| Fresh::leased(raw, charge))
    }

    fn lease_chain(
        &self,
        account: &AccountHandle,
        len: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Vec<Fresh>, Blocked> {
        let mut leased: Vec<(RawBlock, Charge<'_>)> = Vec::new();
        let mut wanted = len;
        let mut pool_lacked = false;
        let blocked = loop {
            if wanted == 0 {
                return Ok(leased
                    .into_iter()
                    .map(|(raw, charge)| Fresh::leased(raw, charge))
                    .collect());
            }
            let blocks = CHAIN_BLOCKS_MAX - leased.len();
            if blocks == 0 {
                break Blocked::Pool;
            }
            match self.lease_any(account, wanted, blocks, in_turn, woken) {
                Ok((raw, charge, lacked)) => {
                    pool_lacked |= lacked;
                    wanted = wanted.saturating_sub(raw.capacity());
                    leased.push((raw, charge));
                }
                // Better blocks would have fitted the limit, but the pool had none. So the wait is
                // for the pool.
                Err(Blocked::Limit(_)) if pool_lacked => break Blocked::Pool,
                Err(blocked) => break blocked,
            }
        };
        // The queue is not served: for blocks that never left, that would try the same chain again
        // for ever.
        let mut stock = self.stock.lock();
        for (raw, charge) in leased {
            stock.slab.put(raw);
            woken.extend(charge.undo(&mut *stock));
        }
        Err(blocked)
    }

    /// The best block for `wanted` bytes of a chain. If there is none, a smaller one of which
    /// `blocks` would do, and then a larger one. Also says whether the pool lacked a better one.
    fn lease_any<'a>(
        &self,
        account: &'a AccountHandle,
        wanted: usize,
        blocks: usize,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>, bool), Blocked> {
        let best = self.classes.for_chain(wanted, blocks);
        let classes = &self.classes;
        let smaller = classes
            .iter()
            .rev()
            .filter(|&class| class < best && classes.can_hold(class, wanted, blocks));
        let larger = classes.iter().filter(|&class| class > best);
        let (mut first_blocked, mut pool_lacked) = (None, false);
        for class in std::iter::once(best).chain(smaller).chain(larger) {
            match self.lease_exact(account, class, in_turn, woken) {
                Ok((raw, charge)) => return Ok((raw, charge, pool_lacked)),
                Err(blocked) => {
                    pool_lacked |= matches!(blocked, Blocked::Pool);
                    first_blocked.get_or_insert(blocked);
                }
            }
        }
        Err(first_blocked.unwrap_or(Blocked::Pool))
    }

    /// Charges for and takes one block of exactly this class.
    fn lease_exact<'a>(
        &self,
        account: &'a AccountHandle,
        class: ClassIndex,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>), Blocked> {
        if let Some(leased) = self.lease_covered(account, class, in_turn, woken) {
            return Ok(leased);
        }
        let charge =
            account.charge(self.classes.len_of(class), in_turn).map_err(|mut refused| {
                woken.append(&mut refused.woken);
                Blocked::Limit(refused)
            })?;
        let taken = match self.cache.pop(class) {
            Popped::Block(raw) => Some(raw),
            Popped::Empty => self.refill(class).ok(),
            Popped::Bypass => None,
        };
        // While a request waits, the magazines are empty, and the slab is for the request whose
        // turn it is.
        match taken.or_else(|| if in_turn { self.take_in_turn(class) } else { None }) {
            Some(raw) => Ok((raw, charge)),
            None => {
                woken.extend(charge.refund());
                Err(Blocked::Pool)
            }
        }
    }

    fn take_in_turn(&self, class: ClassIndex) -> Option<RawBlock> {
        let mut stock = self.stock.lock();
        let taken = stock.slab.take(&self.memory, class, RunPlacement::Anywhere);
        self.hear(&mut stock);
        taken
    }

    /// Notes that the slab has given out more than ever, for `note_leased`.
    pub(super) fn hear(&self, stock: &mut Stock) {
        if std::mem::take(&mut stock.slab.has_news) {
            self.counters.news.store(1, Relaxed);
        }
    }

    /// Refills an empty magazine with a batch from the slab. If that fails, empties all magazines
    /// into the slab and tries again.
    #[cold]
    fn refill(&self, class: ClassIndex) -> Result<RawBlock, NoBlock> {
        let mut batch = {
            let mut stock = self.stock.lock();
            if stock.waiting {
                return Err(NoBlock::Waiting);
            }
            let batch = stock.slab.take_batch(
                &self.memory,
                class,
                self.cache.refill_count(class),
                RunPlacement::Aligned,
            );
            self.hear(&mut stock);
            batch
        };
        if batch.count() == 0 {
            self.drain(false);
            self.counters.cache_flushes.fetch_add(1, Relaxed);
            let mut stock = self.stock.lock();
            if stock.waiting {
                return Err(NoBlock::Waiting);
            }
            batch = stock.slab.take_batch(&self.memory, class, 1, RunPlacement::Anywhere);
            self.hear(&mut stock);
        }
        let first = batch.pop().ok_or(NoBlock::Empty)?;
        if batch.count() > 0 {
            let over = self.cache.push_batch(batch, class);
            if over.count() > 0 {
                let mut stock = self.stock.lock();
                stock.slab.put_batch(over);
                if stock.waiting {
                    // Serving them here would call wakers with raw blocks in hand. The blocked
                    // request serves the queue next.
                    stock.slab.put(first);
                    return Err(NoBlock::Waiting);
                }
            }
        }
        Ok(first)
    }
}
