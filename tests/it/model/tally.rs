//! `Tally`: what the cases of a run came to.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) leased: usize,
    pub(crate) refused: usize,
    /// After a wait.
    pub(crate) granted: usize,
    /// Waits that ended at their deadline.
    pub(crate) expired: usize,
    /// Charges that moved, and those that could not.
    pub(crate) moved: usize,
    pub(crate) unmoved: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.leased += other.leased;
        self.refused += other.refused;
        self.granted += other.granted;
        self.expired += other.expired;
        self.moved += other.moved;
        self.unmoved += other.unmoved;
    }
}
