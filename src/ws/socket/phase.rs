//! `Phase`: how far a socket is on its way to its end.
//!
//! ```text
//!          we send a close frame              the peer's close frame              the peer has shut down: a client does so, too
//!   Open ─────────────────────────▶ Closing ─────────────────────────▶ Closed ──▶ Sent ──▶ Ended
//!     │       the peer's close frame: it is answered                      ▲   flushed, and a
//!     └───────────────────────────────────────────────────────────────────┘   server has shut down
//! ```
//!
//! A socket that is out of time goes to `Ended` at once.
//!
//! A failure of one direction leaves the other one to its own end (ONE-WAY):
//!
//! ```text
//!   Open, Closing ── a write fails ──▶ Mute ── a close frame, the end of the stream, or close_timeout ──▶ Ended
//!   Open, Closing ── a read fails, or ends ──▶ Closed, while something is queued; else Ended
//!   Closed, Sent  ── either fails ──▶ Ended
//! ```

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    /// Nothing can be sent any more. What has arrived is still received.
    Mute,
    Closed,
    Sent,
    Ended,
}
