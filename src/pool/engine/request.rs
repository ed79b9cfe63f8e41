//! What is asked of a core.

use crate::pool::store::ClassIndex;

/// A request for memory.
#[derive(Clone, Copy, Debug)]
pub(in crate::pool) enum Request {
    /// One block of this class, or of the next one up.
    Block(ClassIndex),
    /// Blocks of any class that together hold this number of bytes.
    Chain(usize),
    /// A number of bytes without a block.
    Reservation(usize),
}
