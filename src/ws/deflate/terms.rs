//! `Terms`: the parameters of permessage-deflate (RFC 7692 §7.1).

use super::extension::Extension;

/// The name of the extension (RFC 7692 §7).
pub(super) const NAME: &str = "permessage-deflate";

/// The parameters of an offer, or of an answer to one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    /// In an offer it may have no value: then it only says that the client knows the parameter.
    pub(super) client_max_window_bits: Option<Option<u8>>,
}

impl Terms {
    /// Reads an element of that name. None if a parameter is unknown, occurs twice, or has a wrong
    /// value: then an offer is declined, and a handshake with this answer fails (RFC 7692 §7.1).
    pub(super) fn of(extension: &Extension<'_>) -> Option<Self> {
        let mut terms = Self::default();
        for (index, param) in extension.params.iter().enumerate() {
            if extension.params[..index].iter().any(|before| before.name == param.name) {
                return None;
            }
            match (param.name, param.value.as_deref()) {
                ("server_no_context_takeover", None) => terms.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => terms.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => {
                    terms.server_max_window_bits = Some(window_bits(value)?)
                }
                ("client_max_window_bits", None) => terms.client_max_window_bits = Some(None),
                ("client_max_window_bits", Some(value)) => {
                    terms.client_max_window_bits = Some(Some(window_bits(value)?));
                }
                _ => return None,
            }
        }
        Some(terms)
    }
}

/// RFC 7692 §7.1.2: a decimal integer from 8 to 15, without leading zeroes.
fn window_bits(value: &str) -> Option<u8> {
    (8..=15).find(|bits: &u8| bits.to_string() == value)
}
