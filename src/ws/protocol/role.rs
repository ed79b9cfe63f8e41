//! `Role`: which end of a connection one is.

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Masks nothing, and takes only what is masked.
    Server,
    /// Masks what it sends, and takes only what is not masked.
    Client,
}
