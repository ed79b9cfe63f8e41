//! `Phase`: how far a socket is on its way to its end.
//!
//! ```text
//!          we send a close frame              the peer's close frame
//!   Open ─────────────────────────▶ Closing ─────────────────────────▶ Closed ──▶ Ended
//!     │       the peer's close frame: it is answered                      ▲   flushed, and the
//!     └───────────────────────────────────────────────────────────────────┘   transport ended
//! ```

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    Closed,
    Ended,
}
