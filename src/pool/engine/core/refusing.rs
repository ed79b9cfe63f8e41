//! Refusals on purpose: the plan that a request for memory falls under.

use super::{AccountNode, Core};
use crate::pool::engine::plans::{Plan, PlanKey};

impl Core {
    /// Whether this request for `bytes` is refused on purpose. Every request comes here once,
    /// before anything is charged.
    #[inline]
    pub(in crate::pool) fn refuses(&self, account: &AccountNode, bytes: usize) -> bool {
        account.refuses() && bytes > 0 && self.plans.lock().ask(account)
    }

    /// Begins a plan for this account and those in it.
    pub(in crate::pool) fn plan(&self, account: &AccountNode, plan: Plan) -> PlanKey {
        let mut plans = self.plans.lock();
        account.set_refuses(true, &mut *self.stock.lock());
        plans.add(account.key(), plan)
    }

    /// Ends a plan.
    pub(in crate::pool) fn end_plan(&self, account: &AccountNode, key: PlanKey) {
        let mut plans = self.plans.lock();
        plans.remove(key);
        account.set_refuses(plans.has(account.key()), &mut *self.stock.lock());
    }

    /// The number of requests that a plan has refused.
    pub(in crate::pool) fn refused_by(&self, key: PlanKey) -> usize {
        self.plans.lock().refused(key)
    }
}
