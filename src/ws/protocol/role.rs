//! `Role`: client or server.

/// Which end of a connection this is. A client masks its frames (RFC 6455 §5.1).
///
/// # Examples
/// In the docs of [`WebSocket`](crate::ws::WebSocket).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends unmasked frames, and takes only masked ones.
    Server,
    /// Sends masked frames, and takes only unmasked ones.
    Client,
}
