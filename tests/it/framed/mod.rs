//! Framed transports, ours and the compatible one, against tokio-util's: the same bytes on the same
//! transport give the same answers to the same polls, and what is sent arrives; nothing is lost
//! when a transport fails or a future is dropped, and nothing is leased at the end.
//!
//! The codecs themselves are compared in `tests/codec_differential`.

mod cancellation;
mod compat_memory;
mod drop_in;
mod memory;
mod parts;
mod rivals;
mod roomy;
mod sinks;
mod sockets;
mod streams;

use crate::codec_differential::fault;
use crate::support::transport;
