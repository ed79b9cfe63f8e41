//! Limits that are lowered and raised while accounts are in use, and leases that are refused on
//! purpose.

use std::sync::Arc;

use crate::{
    dice::Dice,
    house::{BUDGET, House},
    tally::Fault,
};

/// One after the other; all are as they were at the end.
pub(crate) async fn change(house: Arc<House>, mut dice: Dice) {
    while !house.closing_within(dice.millis(200..1500)).await {
        let tenant = if dice.one_in(8) { &house.pool } else { dice.pick(house.accounts.tenants()) };
        let before = tenant.limit();
        house.tally.fault(Fault::LimitLowered);
        tenant.set_limit(dice.pick([BUDGET / 4, 1 << 20, 300 << 10]).min(before));
        tokio::time::sleep(dice.millis(10..300)).await;
        tenant.set_limit(before);
    }
}

/// For a moment now and then, for leases take another way meanwhile.
pub(crate) async fn refuse(house: Arc<House>, mut dice: Dice) {
    while !house.closing_within(dice.millis(500..2000)).await {
        let refusals = house.pool.refuse_every(dice.pick([11, 31, 101]));
        tokio::time::sleep(dice.millis(10..200)).await;
        house.tally.faults(Fault::Refused, refusals.count());
    }
}
