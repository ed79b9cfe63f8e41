//! `SetAside`: a part of the budget for memory that must never be refused.

use super::{Account, stats::pressure_of};

/// Bytes of a pool's budget that no lease or reservation gets while it lives. They are not leased.
/// The holder counts what it uses of them.
#[derive(Debug)]
pub(crate) struct SetAside {
    pool: Account,
    len: usize,
}

impl Account {
    /// Whether the pressure of the whole pool is high.
    pub(crate) fn is_pressed(&self) -> bool {
        pressure_of(self.core()).is_high()
    }

    /// Keeps `len` bytes of the budget for the caller. Blocks that are already leased stay so. As
    /// they come home, fewer are leased again.
    pub(crate) fn set_aside(&self, len: usize) -> SetAside {
        self.core().set_aside(len);
        SetAside { pool: self.clone(), len }
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        self.pool.core().take_back(self.len);
    }
}
