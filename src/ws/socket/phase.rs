//! `Phase`: how far a socket is on its way to its end.
//!
//! ```text
//!   Open ──▶ Closing ──▶ Closed ──▶ Sent ──▶ Ended
//!    │                     ▲
//!    └─────────────────────┘
//! ```
//!
//! | from | to | when |
//! |---|---|---|
//! | Open | Closing | we have queued a close frame |
//! | Open | Closed | the peer's close frame came, and its answer is queued |
//! | Closing | Closed | the peer's close frame came |
//! | Closed | Sent | the queue is flushed, and a server has shut its side down |
//! | Sent | Ended | the peer has shut its side down; then a client does so too |
//! | any | Ended | `close_timeout` is over |
//!
//! A failure of one direction leaves the other one to its own end (ONE-WAY):
//!
//! | from | to | when |
//! |---|---|---|
//! | Open, Closing | Mute | a write fails |
//! | Mute | Ended | a close frame comes, the stream ends, or `close_timeout` is over |
//! | Open, Closing | Closed | a read fails or ends, while something is queued |
//! | Open, Closing | Ended | a read fails or ends, and nothing is queued |
//! | Closed, Sent | Ended | either direction fails |

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Closing,
    /// Nothing can be sent any more. Messages that have arrived are still received.
    Mute,
    Closed,
    Sent,
    Ended,
}
