//! `Manner`: how a transport answers its calls.

use crate::plan::Plan;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    is_pending: bool,
    is_vectored: bool,
}

impl Manner {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .map(|(is_pending, is_vectored)| Self { is_pending, is_vectored })
    }

    /// Messages of `len` bytes, and nothing that goes wrong.
    pub(crate) fn plan(self, len: usize) -> Plan {
        Plan { is_pending: self.is_pending, is_vectored: self.is_vectored, ..Plan::new(len) }
    }
}
