//! Plans of refusals: which requests for memory fail on purpose.

use std::collections::BTreeMap;

use crate::pool::ledger::{AccountKey, AccountNode, Owner};

/// Says which requests are refused.
pub(in crate::pool) struct Plan {
    /// The number of requests that pass before the next refusal.
    left: usize,
    /// Each `period`th request is refused. If it is `None`, only one is.
    period: Option<usize>,
    refused: usize,
}

impl Plan {
    /// Refuses the `nth` request from now on. 0 is the next.
    pub(in crate::pool) fn nth(nth: usize) -> Self {
        Self { left: nth, period: None, refused: 0 }
    }

    /// Refuses each `period`th request. `period` is at least 1.
    pub(in crate::pool) fn every(period: usize) -> Self {
        Self { left: period - 1, period: Some(period), refused: 0 }
    }

    /// Counts one more request. Returns whether it is refused.
    fn ask(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        if self.refused > 0 && self.period.is_none() {
            return false;
        }
        self.left = self.period.unwrap_or(1) - 1;
        self.refused += 1;
        true
    }
}

/// Names a plan of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::pool) struct PlanKey(u64);

/// All plans of a pool.
#[derive(Default)]
pub(super) struct Plans {
    plans: BTreeMap<PlanKey, (AccountKey, Plan)>,
    next: u64,
}

impl Plans {
    pub(super) fn add(&mut self, at: AccountKey, plan: Plan) -> PlanKey {
        let key = PlanKey(self.next);
        self.next += 1;
        self.plans.insert(key, (at, plan));
        key
    }

    pub(super) fn remove(&mut self, key: PlanKey) {
        self.plans.remove(&key);
    }

    /// Whether there is a plan for this very account.
    pub(super) fn has(&self, at: AccountKey) -> bool {
        self.plans.values().any(|(planned, _)| *planned == at)
    }

    /// Counts a request in every plan for this account and for the accounts around it. Returns
    /// whether one of them refuses it.
    pub(super) fn ask<O: Owner>(&mut self, account: &AccountNode<O>) -> bool {
        let heard = self.plans.values_mut().filter(|(at, _)| account.find(*at).is_some());
        heard.fold(false, |refused, (_, plan)| plan.ask() | refused)
    }

    pub(super) fn refused(&self, key: PlanKey) -> usize {
        self.plans.get(&key).map_or(0, |(_, plan)| plan.refused)
    }
}
