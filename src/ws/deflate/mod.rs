//! permessage-deflate (RFC 7692): compressed messages (feature `deflate`).
//!
//! # Invariants
//! BOUNDED, NO-OVERTAKING and NO-HOARD are in `set`; AS-INFLATED, SAME-BYTES and SLICED in
//! `inflating`.
//!
//! - ALONE: each message is compressed by itself. Both context takeovers are negotiated away,
//!   whatever the peer offers, so that a compressor belongs to a message and not to a connection.

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

/// Compresses the messages of all sockets, with a bounded number of compressors
/// (permessage-deflate, RFC 7692).
///
/// Other servers have a compressor and a decompressor for each connection, some 420 KiB. Here a
/// message borrows one, because each message stands alone (`server_no_context_takeover;
/// client_no_context_takeover`). Short messages that resemble each other compress less well for it.
/// Make one `Deflate` for a program and give it to the [`Config`](super::Config) of its sockets. A
/// clone shares the compressors.
///
/// A message is sent compressed if that makes it shorter, and if a compressor and memory are free;
/// otherwise it is sent as it is. A message that is received waits its turn for a decompressor, and
/// for memory. Long messages are worked on in slices of 64 KiB, so that no other task waits long. A
/// message keeps its compressor or decompressor to the end. It loses it only if another message
/// needs it, while the socket waits for memory or is not polled for 100 ms.
///
/// # Memory
/// The memory of all compressors (388 KiB each, with the largest window) and decompressors (63 KiB
/// each) is reserved in a pool while a clone lives. They are made when they are first needed, and
/// kept.
///
/// # Secrets
/// The length of a compressed message tells what it repeats. Do not compress messages in which a
/// secret stands beside text that an attacker chose.
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
    /// How many bytes are reserved for all compressors and decompressors.
    pub fn reserved(&self) -> usize {
        self.shared.reservation.len()
    }

    /// Answers the offer in the headers of a client's request, for handshakes of your own. Returns
    /// the value of the response's `Sec-WebSocket-Extensions`, and the agreement; none if no offer
    /// is acceptable.
    ///
    /// The first acceptable offer is taken. Offers with a wrong parameter are skipped, and offers
    /// with a window of 256 bytes, which zlib does not have.
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

    /// Returns the value of a client's `Sec-WebSocket-Extensions`, for handshakes of your own.
    pub fn offer(&self) -> HeaderValue {
        HeaderValue::from_static(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             client_max_window_bits",
        )
    }

    /// Reads the agreement out of the headers of a server's response to [`offer`](Self::offer);
    /// none if the server declined.
    ///
    /// # Errors
    /// The server agrees to something that was not offered, or in a wrong form.
    ///
    /// # Examples
    /// Both ends of a handshake that your code does itself:
    /// ```
    /// use http::{HeaderMap, header::SEC_WEBSOCKET_EXTENSIONS};
    /// use leasehold::{Pool, ws::{Deflate, Role, WebSocket}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(16 << 20)?;
    /// let deflate = Deflate::builder().max_compressors(1).build(&pool)?;
    ///
    /// let request = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, deflate.offer())]);
    /// let (for_server, value) = deflate.answer(&request).expect("our own offer is acceptable");
    /// let response = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]);
    /// let for_client = deflate.accept(&response)?.expect("the server has accepted");
    ///
    /// let (near, far) = tokio::io::duplex(8 << 10);
    /// let server = WebSocket::new(near, Role::Server, &pool).with_deflate(for_server);
    /// let client = WebSocket::new(far, Role::Client, &pool).with_deflate(for_client);
    /// # drop((server, client));
    /// # Ok(())
    /// # }
    /// ```
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
        // RFC 7692 §7.1.1.1: a server accepts a parameter by repeating it. §7.1.2.2: in an answer
        // the client's window has a value.
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
