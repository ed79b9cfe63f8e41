//! `SetAside`: a part of the budget that is kept for memory that must never be refused.

use super::{Account, stats::pressure_of};

/// Bytes of a pool's budget that nobody else gets while it lives. They are not leased: their holder
/// counts what it uses of them.
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

    /// Keeps `len` bytes of the budget for the caller. Blocks that are out already stay out; as
    /// they come home, less is given out again.
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
