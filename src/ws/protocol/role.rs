//! `Role`: client or server.

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends unmasked frames, and takes only masked ones.
    Server,
    /// Sends masked frames, and takes only unmasked ones.
    Client,
}
