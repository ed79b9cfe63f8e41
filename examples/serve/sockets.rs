//! The open WebSockets.

use tokio::sync::watch;

/// Counts them, and tells them to end. For the HTTP server their connections have ended already:
/// its shutdown does not wait for them.
pub struct Sockets {
    /// Whether the server stops. Each socket has a receiver.
    stopping: watch::Sender<bool>,
}

/// A socket that is counted until this is dropped.
pub struct OpenSocket {
    stopping: watch::Receiver<bool>,
}

impl Sockets {
    pub fn new() -> Self {
        Self { stopping: watch::Sender::new(false) }
    }

    /// Counts one socket more.
    pub fn open(&self) -> OpenSocket {
        OpenSocket { stopping: self.stopping.subscribe() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.stopping.receiver_count()
    }

    /// Tells all sockets that the server stops, also those that are opened later.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until no socket is open.
    pub async fn ended(&self) {
        self.stopping.closed().await;
    }
}

impl OpenSocket {
    /// Waits until the server stops.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stopped(&mut self) {
        self.stopping
            .wait_for(|is_stopping| *is_stopping)
            .await
            .expect("the server outlives its sockets");
    }
}
