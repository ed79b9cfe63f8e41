//! What is asked of a core.

use crate::pool::store::ClassIndex;

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub(in crate::pool) enum Request {
    /// One block of this class, or of the next one up.
    Block(ClassIndex),
    /// Blocks of any class that together hold so many bytes.
    Chain(usize),
    /// So many bytes without a block.
    Reservation(usize),
}
