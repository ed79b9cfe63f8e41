//! The WebSockets that are open.

use tokio::sync::watch;

/// Counts them, and tells them to end. To the HTTP server their connections have ended already: no
/// shutdown of its waits for them.
pub struct Sockets {
    /// Each socket has a receiver; it holds whether the server stops.
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

    /// Counts one more.
    pub fn open(&self) -> OpenSocket {
        OpenSocket { stopping: self.stopping.subscribe() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.stopping.receiver_count()
    }

    /// Tells all of them that the server stops, those to come too.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until there are none.
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
