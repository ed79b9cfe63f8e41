//! `Reserved`: room that was taken for a charge without a block.

use super::core::{AccountHandle, HeldCharge};

/// Bytes that are charged and reserved. What is left of them when it is dropped is refunded and
/// released.
#[derive(Default)]
pub(in crate::pool) struct Reserved {
    /// None for an empty one without an account. What stands here is counted by the slab.
    charge: Option<HeldCharge>,
}

impl Reserved {
    /// Nothing reserved, at no account.
    pub(in crate::pool) const fn empty() -> Self {
        Self { charge: None }
    }

    /// The slab has taken the room for the charge.
    pub(super) fn standing(charge: HeldCharge) -> Self {
        Self { charge: Some(charge) }
    }

    /// Gives back what is above `len` bytes. Does nothing if there are not so many.
    pub(in crate::pool) fn shrink_to(&mut self, len: usize) {
        let Some(charge) = &mut self.charge else { return };
        let above = charge.bytes().saturating_sub(len);
        if above > 0 {
            let woken = charge.refund(above);
            charge.account().owner.release(above, woken);
        }
    }

    /// Adds others of the same account to these.
    pub(in crate::pool) fn join(&mut self, mut other: Reserved) {
        let Some(more) = other.charge.take() else { return };
        match &mut self.charge {
            Some(charge) => charge.join(more),
            none => *none = Some(more),
        }
    }

    /// What is charged, for code that refunds it.
    pub(in crate::pool) fn take_charge(&mut self) -> Option<HeldCharge> {
        self.charge.take()
    }

    pub(in crate::pool) fn account(&self) -> Option<&AccountHandle> {
        self.charge.as_ref().map(HeldCharge::account)
    }

    pub(in crate::pool) fn bytes(&self) -> usize {
        self.charge.as_ref().map_or(0, HeldCharge::bytes)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}
