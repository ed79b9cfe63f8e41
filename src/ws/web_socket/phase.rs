//! `Phase`: how far a socket is on its way to its end.
//!
//! ```text
//!          we send a close frame              the peer's close frame              the peer has shut down: a client does so, too
//!   Open ─────────────────────────▶ Closing ─────────────────────────▶ Closed ──▶ Sent ──▶ Ended
//!     │       the peer's close frame: it is answered                      ▲   flushed, and a
//!     └───────────────────────────────────────────────────────────────────┘   server has shut down
//! ```
//!
//! Whoever is out of time goes to `Ended` at once.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    Closed,
    Sent,
    Ended,
}
