//! `Ledger`: accounts and blocks, and what follows from them by adding up.

use std::collections::{BTreeMap, BTreeSet};

use leasehold::LeaseError;

use super::{range::BlockId, step::CLASSES, thing::Thing, waiter::Want};

/// So much may be out at most, and no class ever needs a second run: whether there is room is a
/// matter of adding up.
pub(crate) const LIMIT_MAX: usize = 60_000;

/// The most that one reservation may be of.
const RESERVATION_MAX: usize = (256 << 10) / 4;

pub(crate) struct Account {
    /// None once it was closed: what is charged to it stays.
    pub(crate) handle: Option<leasehold::Account>,
    pub(crate) name: String,
    /// None for the pool's own, which comes first.
    pub(crate) parent: Option<usize>,
    pub(crate) limit: usize,
    /// The most that was ever charged, if that is known.
    pub(crate) peak: Option<usize>,
    /// Bytes that credits of this account have left.
    pub(crate) credit: usize,
}

/// A block that is not home.
pub(crate) struct Leased {
    pub(crate) capacity: usize,
    pub(crate) account: usize,
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) accounts: Vec<Account>,
    pub(crate) blocks: BTreeMap<BlockId, Leased>,
    /// What is charged to each account, and all in it; of the pool's own what is leased.
    pub(crate) charges: Vec<usize>,
    next_id: BlockId,
}

impl Ledger {
    pub(crate) fn open(&mut self, handle: leasehold::Account, parent: Option<usize>, limit: usize) {
        let name = handle.name().to_owned();
        self.accounts.push(Account {
            handle: Some(handle),
            name,
            parent,
            limit,
            peak: Some(0),
            credit: 0,
        });
        self.charges.push(0);
    }

    pub(crate) fn lend(&mut self, capacity: usize, account: usize) -> BlockId {
        self.next_id += 1;
        self.blocks.insert(self.next_id, Leased { capacity, account });
        self.next_id
    }

    /// This account and all around it.
    pub(crate) fn line(&self, account: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(account), |&at| self.accounts[at].parent)
    }

    /// Forgets the blocks that nobody holds, and adds up.
    pub(crate) fn settle(&mut self, things: &[Thing]) {
        let held: BTreeSet<BlockId> = things.iter().flat_map(Thing::held).collect();
        self.blocks.retain(|id, _| held.contains(id));
        let reserved = things.iter().filter_map(|thing| match thing {
            Thing::Reserved(_, account, len) => Some((*account, *len)),
            _ => None,
        });
        let credited = self.accounts.iter().enumerate().map(|(account, of)| (account, of.credit));
        let leased = self.blocks.values().map(|block| (block.account, block.capacity));
        let mut charges = vec![0; self.accounts.len()];
        for (account, bytes) in reserved.chain(credited).chain(leased) {
            self.line(account).for_each(|at| charges[at] += bytes);
        }
        self.charges = charges;
    }

    /// Bytes reserved without a block.
    pub(crate) fn reserved(&self) -> usize {
        self.charges[0] - self.blocks.values().map(|block| block.capacity).sum::<usize>()
    }

    /// What may still be charged to an account, and to all around it.
    pub(crate) fn room(&self, account: usize) -> usize {
        let left =
            self.line(account).map(|at| self.accounts[at].limit.saturating_sub(self.charges[at]));
        left.min().expect("there is an account")
    }

    fn has_room(&self, account: usize, bytes: usize) -> bool {
        self.charges[account] + bytes <= self.accounts[account].limit
    }

    /// Draws a block from the nearest credit that is enough for it, if there is one.
    pub(crate) fn draw(&mut self, account: usize, capacity: usize) {
        let crediting = self.line(account).find(|&at| self.accounts[at].credit >= capacity);
        if let Some(crediting) = crediting {
            self.accounts[crediting].credit -= capacity;
        }
    }

    /// Whether somebody must be given this who is not behind others.
    pub(crate) fn must_give(&self, account: usize, want: Want) -> bool {
        let bytes = most_for(want);
        let is_covered =
            |at: usize| matches!(want, Want::Block(_)) && self.accounts[at].credit >= bytes;
        let mut line = self.line(account);
        loop {
            match line.next() {
                None => return true,
                Some(at) if is_covered(at) => return self.has_room(0, 0),
                Some(at) if !self.has_room(at, bytes) => return false,
                Some(_) => {}
            }
        }
    }

    /// Asserts that nobody was charged more in a step than its limit leaves; a limit that was
    /// lowered takes nothing back.
    pub(crate) fn assert_within_limits(&self, before: &[usize]) {
        for ((account, &charge), &before) in self.accounts.iter().zip(&self.charges).zip(before) {
            assert!(
                charge <= account.limit.max(before),
                "{}: {charge} after {before}, of {}",
                account.name,
                account.limit
            );
        }
    }

    /// Asserts that a refusal has a reason: no room, or others who wait.
    pub(crate) fn assert_refused_rightly(
        &self,
        account: usize,
        want: Want,
        error: &LeaseError,
        others_wait: bool,
    ) {
        let limit = self
            .line(account)
            .map(|at| self.accounts[at].limit)
            .min()
            .expect("there is an account");
        let (least, most) = (least_for(want), most_for(want));
        if error.is_too_large() {
            assert!(
                most > limit || most > RESERVATION_MAX,
                "{want:?} is not too large for {limit}"
            );
            return;
        }
        assert!(least <= limit, "{want:?} can never be had within {limit}: {error}");
        assert!(error.is_over_limit() || error.is_exhausted(), "{error}");
        assert!(others_wait || !self.must_give(account, want), "{want:?} was refused: {error}");
    }

    /// Asserts that a move of charges was refused with a reason: no room for all of them before any
    /// old one is refunded, or others who wait.
    pub(crate) fn assert_not_moved_rightly(
        &self,
        to: usize,
        blocks: &BTreeSet<BlockId>,
        others_wait: bool,
    ) {
        let mut more = vec![0; self.accounts.len()];
        for block in blocks.iter().map(|block| &self.blocks[block]) {
            let shared: Vec<usize> = self.line(block.account).collect();
            self.line(to)
                .filter(|at| !shared.contains(at))
                .for_each(|at| more[at] += block.capacity);
        }
        let is_full = self.line(to).any(|at| more[at] > 0 && !self.has_room(at, more[at]));
        assert!(is_full || others_wait, "{more:?} more fit in {:?}", self.charges);
    }
}

/// The least that a request is charged.
pub(crate) fn least_for(want: Want) -> usize {
    match want {
        Want::Block(len) => block_for(len),
        Want::Chain(len) | Want::Reservation(len) => len,
    }
}

/// The most that a request is charged if there is room: chains waste at most a quarter, and the
/// rest of a block of the smallest class.
fn most_for(want: Want) -> usize {
    match want {
        Want::Block(len) => block_for(len),
        Want::Chain(len) => {
            if len == 0 {
                0
            } else {
                len + len / 4 + CLASSES[0]
            }
        }
        Want::Reservation(len) => len,
    }
}

/// The class that holds so many bytes; without one, more than anybody may have.
fn block_for(len: usize) -> usize {
    CLASSES.into_iter().find(|&class| class >= len).unwrap_or(usize::MAX / 2)
}
