//! Leases out of a credit: reserved bytes become blocks of the same account.

use super::{AccountHandle, AccountNode, Charge, Core, CreditedCharge};
use crate::pool::{
    engine::request::Request,
    ledger::{AccountKey, Owner},
    store::{ClassIndex, Popped, RawBlock, RunPlacement},
};

impl Core {
    /// Adds bytes that are reserved and charged to this account to its credit, and serves the
    /// requests that wait for them.
    pub(in crate::pool) fn lay_credit(&self, account: &AccountNode, bytes: usize) {
        let (waiting, woken) = {
            let mut stock = self.stock.lock();
            account.lay_credit(bytes, &mut *stock);
            (stock.waiting, account.awaited(&*stock))
        };
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Reserves bytes and adds them to the credit, if that is possible at once and no limit is
    /// near. That is nearly always so, and takes one lock.
    pub(in crate::pool) fn credit_fast<'a>(
        &self,
        account: &'a AccountHandle,
        bytes: usize,
    ) -> Option<Charge<'a>> {
        if account.refuses() {
            return None;
        }
        let charge = account.charge_fast(bytes)?;
        {
            let mut stock = self.stock.lock();
            if !stock.waiting && stock.slab.reserve(bytes) {
                account.lay_credit(bytes, &mut *stock);
                self.hear(&mut stock);
                return Some(charge);
            }
        }
        self.serve(charge.refund());
        None
    }

    /// Ends one `lay_credit`. What is left is refunded and released, and the requests that wait for
    /// it are served.
    pub(in crate::pool) fn end_credit(&self, account: &AccountHandle, bytes: usize) {
        let (waiting, woken) = {
            let mut stock = self.stock.lock();
            (stock.waiting, account.end_credit(bytes, &mut *stock))
        };
        if waiting || !woken.is_empty() {
            self.serve_now(woken);
        }
    }

    /// Takes one block of exactly this class, if an account has the credit for it. It passes no
    /// waiter, because its room was taken when it was reserved.
    pub(super) fn lease_covered<'a>(
        &self,
        account: &'a AccountHandle,
        class: ClassIndex,
        in_turn: bool,
        woken: &mut Vec<AccountKey>,
    ) -> Option<(RawBlock, Charge<'a>)> {
        let bytes = self.classes.len_of(class);
        let credit = account.crediting(bytes)?;
        let charge = account
            .charge_covered(credit, bytes, in_turn)
            .map_err(|mut refused| woken.append(&mut refused.woken));
        self.draw_block(class, bytes, charge.ok()?, woken)
            .map_err(|charge| woken.extend(charge.refund()))
            .ok()
    }

    /// Whether the account `key` has room for a request that waits there, besides the `promised`
    /// bytes that are for others. A request needs no room for bytes that a credit on the way has.
    pub(super) fn has_room_at(
        &self,
        key: AccountKey,
        account: &AccountNode,
        request: Request,
        promised: usize,
    ) -> bool {
        let Some(at) = account.find(key) else { return true };
        let bytes = self.bytes_of(request);
        if at.has_room(bytes.saturating_add(promised)) {
            return true;
        }
        let stock = self.stock.lock();
        match request {
            Request::Reservation(_) => false,
            Request::Block(_) => account.covers_up_to(key, &*stock).any(|credit| credit >= bytes),
            Request::Chain(_) => {
                // Both parts are whole blocks.
                let block_len =
                    self.classes.iter().map(|class| self.classes.len_of(class)).min().unwrap_or(1);
                let whole = |bytes: usize| bytes - bytes % block_len;
                let credited: usize = account.covers_up_to(key, &*stock).map(whole).sum();
                credited > 0 && credited + whole(at.room().saturating_sub(promised)) >= bytes
            }
        }
    }

    /// Takes the block from a magazine or from the slab, and if that fails from the slab after all
    /// magazines were emptied into it.
    fn draw_block<'a>(
        &self,
        class: ClassIndex,
        bytes: usize,
        charge: CreditedCharge<'a>,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>), CreditedCharge<'a>> {
        let popped = match self.cache.pop(class) {
            Popped::Block(raw) => Some(raw),
            Popped::Empty | Popped::Bypass => None,
        };
        let charge = match self.draw_once(class, bytes, charge, popped, woken) {
            Err(charge) => charge,
            drawn => return drawn,
        };
        self.drain(false);
        self.draw_once(class, bytes, charge, None, woken)
    }

    fn draw_once<'a>(
        &self,
        class: ClassIndex,
        bytes: usize,
        charge: CreditedCharge<'a>,
        popped: Option<RawBlock>,
        woken: &mut Vec<AccountKey>,
    ) -> Result<(RawBlock, Charge<'a>), CreditedCharge<'a>> {
        let mut stock = self.stock.lock();
        let charge = match charge.draw(&mut *stock) {
            Ok(charge) => charge,
            Err(charge) => {
                popped.into_iter().for_each(|raw| stock.slab.put(raw));
                return Err(charge);
            }
        };
        stock.slab.release(bytes);
        if let Some(raw) = popped {
            // The block was out, so there is room for others now. The owner of `woken` serves them.
            if stock.waiting {
                woken.push(charge.account_key());
            }
            return Ok((raw, charge));
        }
        let taken = stock.slab.take(&self.memory, class, RunPlacement::Anywhere);
        self.hear(&mut stock);
        match taken {
            Some(raw) => Ok((raw, charge)),
            None => Err(charge
                .undraw(&mut *stock)
                .unwrap_or_else(|_| unreachable!("it was credited under the same lock"))),
        }
    }
}
