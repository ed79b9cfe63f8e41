//! The core as the queue's `Granter`.

use std::time::Duration;

use super::{AccountHandle, AccountNode, Core};
use crate::pool::{
    engine::{
        grant::{Blocked, Grant},
        request::Request,
    },
    ledger::{AccountKey, ChargeRefused},
    wait::Granter,
};

impl Granter for Core {
    type Request = Request;
    type Grant = Grant;
    type Holder = AccountHandle;
    type Limit = AccountKey;
    type Refused = ChargeRefused;

    fn grant(
        &self,
        account: &AccountHandle,
        request: Request,
        woken: &mut Vec<AccountKey>,
    ) -> Result<Grant, Blocked> {
        self.lease_request(account, request, true, woken)
    }

    fn bytes_of(&self, request: Request) -> usize {
        Core::bytes_of(self, request)
    }

    fn has_room_at(
        &self,
        key: AccountKey,
        account: &AccountHandle,
        request: Request,
        promised: usize,
    ) -> bool {
        Core::has_room_at(self, key, account, request, promised)
    }

    fn limit_of(refused: &ChargeRefused) -> AccountKey {
        refused.at
    }

    fn limits_of(account: &AccountHandle) -> impl Iterator<Item = AccountKey> {
        account.ancestors().map(AccountNode::key)
    }

    fn set_awaited(account: &AccountHandle, key: AccountKey, is_awaited: bool) {
        account.find(key).expect("an account is blocked by one above it").set_waiters(is_awaited);
    }

    fn set_waiting(&self, waiting: bool) {
        self.bypass(waiting);
    }

    fn is_over_limit(&self) -> bool {
        self.stock.lock().slab.is_over_limit()
    }

    fn max_wait(&self) -> Duration {
        self.settings.max_wait
    }
}
