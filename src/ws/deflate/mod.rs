//! permessage-deflate (RFC 7692): compressed messages (feature `deflate`).
//!
//! # Invariants
//! - BOUNDED, IN-LINE and NO-HOARD in `set` and `stock`; LATE, SAME-BYTES and NO-FREEZE in
//!   `inflating`.
//! - ALONE: each message is compressed by itself: both takeovers of contexts are negotiated away,
//!   whatever the peer offers, so that a stream belongs to a message and not to a connection.

mod agreement;
mod answer_error;
mod builder;
mod compressor;
mod decompressor;
mod deflating;
mod extension;
mod inflating;
mod per_message;
mod place;
mod set;
mod shared;
mod stock;
mod terms;

pub(super) use self::per_message::PerMessage;
pub use self::{agreement::DeflateAgreement, answer_error::AnswerError, builder::DeflateBuilder};

use std::{fmt, sync::Arc};

use ::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use self::{
    extension::extensions,
    shared::Shared,
    terms::{NAME, Terms},
};

/// Compresses messages of any number of sockets, with a bounded number of compressors
/// (permessage-deflate, RFC 7692).
///
/// Other servers have a compressor and a decompressor for each connection, some 420 KiB. Here a
/// message borrows one: each message stands alone (`server_no_context_takeover;
/// client_no_context_takeover`), which costs some of the ratio of messages that are short and
/// alike. Make one `Deflate` for a program and give it to the [`Config`](super::Config) of its
/// sockets. A clone is the same one.
///
/// What is sent is compressed if that makes it shorter, and if a compressor and memory are at hand;
/// if not, it goes as it is. What is received waits its turn for a decompressor, and for memory.
/// Long messages are worked on in slices of 64 KiB, so that no other task waits long; one that was
/// begun keeps its (de)compressor to the end, unless its socket is not polled for 100 ms or waits
/// for memory, and somebody else needs it.
///
/// # Memory
/// As many compressors (388 KiB each, with the largest window) and decompressors (63 KiB) as there
/// may be are reserved in a pool for as long as a clone lives; they are made when they are needed
/// first, and kept.
///
/// # Secrets
/// The length of a compressed message tells what it repeats. Where one message holds a secret and
/// what an attacker chose, do not compress.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::{Config, Deflate}};
///
/// let pool = Pool::new(16 << 20)?;
/// let deflate = Deflate::builder().max_compressors(1).build(&pool)?;
/// let config = Config::new().deflate(&deflate);
/// assert_eq!(pool.leased(), deflate.reserved());
/// # drop(config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Deflate {
    shared: Arc<Shared>,
}

impl Deflate {
    /// Bytes that are reserved for all (de)compressors.
    pub fn reserved(&self) -> usize {
        self.shared.reservation.len()
    }

    /// What a server answers to the headers of a client's request, if there is an offer that it
    /// takes: the value of its `Sec-WebSocket-Extensions`, and what is agreed on then.
    ///
    /// The first such offer is taken. Offers with a wrong parameter are passed over, and so is a
    /// window of 256 bytes, which zlib has not.
    pub fn answer(&self, headers: &HeaderMap) -> Option<(DeflateAgreement, HeaderValue)> {
        self.answer_to(headers.get_all(SEC_WEBSOCKET_EXTENSIONS))
    }

    fn answer_to<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a HeaderValue>,
    ) -> Option<(DeflateAgreement, HeaderValue)> {
        let extensions = extensions(lines).ok()?;
        let offers =
            extensions.iter().filter(|extension| extension.name == NAME).filter_map(Terms::of);
        let mut takers = offers.filter(|terms| terms.server_max_window_bits != Some(8));
        let window_bits = takers.next()?.server_max_window_bits;
        let agreed = self.agreed(window_bits);
        let mut answer = format!("{NAME}; server_no_context_takeover; client_no_context_takeover");
        // RFC 7692 §7.1.2.1: such an offer is accepted with the same or a smaller window.
        if let (Some(_), Some(bits)) = (window_bits, agreed.window_bits) {
            answer += &format!("; server_max_window_bits={bits}");
        }
        Some((agreed, answer.try_into().expect("tokens make a header value")))
    }

    /// What a client offers: the value of its `Sec-WebSocket-Extensions`.
    pub fn offer(&self) -> HeaderValue {
        HeaderValue::from_static(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        )
    }

    /// What is agreed on by the headers of a server's response to [`offer`](Self::offer); nothing
    /// if the server declined.
    ///
    /// # Errors
    /// The server agrees to something that was not offered, or in a wrong way.
    pub fn accept(&self, headers: &HeaderMap) -> Result<Option<DeflateAgreement>, AnswerError> {
        let extensions = extensions(headers.get_all(SEC_WEBSOCKET_EXTENSIONS))
            .map_err(|_| AnswerError::malformed())?;
        // RFC 6455 §4.1: an extension that was not offered fails the handshake.
        if let Some(other) = extensions.iter().find(|extension| extension.name != NAME) {
            return Err(AnswerError::not_offered(other.name));
        }
        let answer = match &extensions[..] {
            [] => return Ok(None),
            [answer] => answer,
            _ => return Err(AnswerError::twice()),
        };
        // RFC 7692 §7.1.1.1: it is accepted by being repeated. §7.1.2.2: here the client's window
        // has a value.
        match Terms::of(answer) {
            Some(Terms { server_no_context_takeover: true, client_max_window_bits, .. })
                if client_max_window_bits != Some(None) =>
            {
                Ok(Some(self.agreed(client_max_window_bits.flatten())))
            }
            _ => Err(AnswerError::terms()),
        }
    }

    fn agreed(&self, window_bits: Option<u8>) -> DeflateAgreement {
        let window_bits =
            window_bits.map_or(self.shared.window_bits, |bits| bits.min(self.shared.window_bits));
        DeflateAgreement {
            shared: self.shared.clone(),
            window_bits: (window_bits > 8).then_some(window_bits),
        }
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflate").field("reserved", &self.reserved()).finish_non_exhaustive()
    }
}
