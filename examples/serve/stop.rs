//! The signals to end.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(not(unix))]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Ctrl-C, and SIGTERM, which service managers send. Once this is made, they no longer kill the
/// process.
#[cfg(unix)]
pub struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl StopSignal {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C. Once this is made, it no longer kills the process.
#[cfg(not(unix))]
pub struct StopSignal {
    interrupt: CtrlC,
}

#[cfg(not(unix))]
impl StopSignal {
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()? })
    }

    pub async fn recv(&mut self) {
        self.interrupt.recv().await;
    }
}
