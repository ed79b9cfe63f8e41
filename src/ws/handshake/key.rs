//! `Key`: the nonce of a client's handshake, and the answer to it (RFC 6455 §1.3).

use ::http::HeaderValue;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3: only a server that knows WebSocket hashes this.
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Some clients make up 22 letters instead of 16 bytes. They are served too, so the last bits may
/// be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The value of a Sec-WebSocket-Key: 16 bytes as base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) struct Key([u8; 24]);

impl Key {
    /// RFC 6455 §4.1: a fresh random key for each connection.
    pub(in crate::ws) fn random() -> Self {
        let mut text = [0; 24];
        BASE64
            .encode_slice(rand::random::<[u8; 16]>(), &mut text)
            .expect("16 bytes are 24 letters");
        Self(text)
    }

    pub(in crate::ws) fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.as_bytes().try_into().ok()?;
        let mut bytes = [0; 18];
        (BASE64.decode_slice(text, &mut bytes) == Ok(16)).then_some(Self(text))
    }

    pub(in crate::ws) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The Sec-WebSocket-Accept that answers it (RFC 6455 §4.2.2).
    pub(in crate::ws) fn accept(self) -> HeaderValue {
        let hash = Sha1::new().chain_update(self.0).chain_update(GUID).finalize();
        HeaderValue::try_from(BASE64.encode(hash)).expect("base64 is ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let key = Key::parse(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")).expect("a key");
        assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes_of_base64() {
        for text in
            ["AAAAAAAAAAAAAAAAAAAAAA==", "zzzzzzzzzzzzzzzzzzzzzz==", "+/+/+/+/+/+/+/+/+/+/+w=="]
        {
            assert!(Key::parse(&HeaderValue::from_static(text)).is_some(), "{text}");
        }
        for text in [
            "",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAA===",
            "AAAAAAAAAAAAAAAAAAAAAA==AAAA",
            "AAAAAAAAAAAAAAAAAAAA-_==",
            "AAAA AAAAAAAAAAAAAAAAA==",
        ] {
            assert_eq!(Key::parse(&HeaderValue::from_static(text)), None, "{text}");
        }
    }

    #[test]
    fn each_random_key_is_another_one() {
        let (key, other) = (Key::random(), Key::random());
        let value = HeaderValue::from_bytes(key.as_bytes()).expect("a header's value");
        assert_eq!(Key::parse(&value), Some(key));
        assert_ne!(key, other);
    }
}
