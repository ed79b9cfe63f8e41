//! `Reserved`: room for a charge without a block.

use super::core::{AccountHandle, HeldCharge};

/// Bytes that are charged and reserved. When it is dropped, the bytes that are left are refunded
/// and released.
#[derive(Default)]
pub(in crate::pool) struct Reserved {
    /// `None` for an empty value without an account. The slab counts the bytes of the charge.
    charge: Option<HeldCharge>,
}

impl Reserved {
    /// Makes an empty value without an account.
    pub(in crate::pool) const fn empty() -> Self {
        Self { charge: None }
    }

    /// Holds a charge that the slab has taken room for.
    pub(super) fn standing(charge: HeldCharge) -> Self {
        Self { charge: Some(charge) }
    }

    /// Gives back the bytes above `len`. It does nothing if there are no more than that.
    pub(in crate::pool) fn shrink_to(&mut self, len: usize) {
        let Some(charge) = &mut self.charge else { return };
        let above = charge.bytes().saturating_sub(len);
        if above > 0 {
            let woken = charge.refund(above);
            charge.account().owner.release(above, woken);
        }
    }

    /// Adds the bytes of another value of the same account.
    pub(in crate::pool) fn join(&mut self, mut other: Reserved) {
        let Some(more) = other.charge.take() else { return };
        match &mut self.charge {
            Some(charge) => charge.join(more),
            none => *none = Some(more),
        }
    }

    /// Takes the charge out, for code that refunds it.
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
