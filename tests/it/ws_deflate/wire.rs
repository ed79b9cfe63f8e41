//! The other end, by hand: frames, and raw streams of its own.

use bytes::BufMut;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use leasehold::{
    Account, Pool,
    ws::{Config, Deflate, DeflateAgreement, Message, Role, WebSocket},
};
use tokio::io::AsyncReadExt;

use crate::ws_deflate::transport::Faulty;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const PING: u8 = 0x89;
/// The bit that says that a message is compressed.
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const FIN: u8 = 0x80;

/// A frame of a client that masks with zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.put_u8(0x80 | len as u8),
        len @ ..0x1_0000 => {
            frame.put_u8(0x80 | 126);
            frame.put_u16(len as u16);
        }
        len => {
            frame.put_u8(0x80 | 127);
            frame.put_u64(len as u64);
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// What a sender with such a level and window would send for `plain` (RFC 7692 §7.2.1).
pub(crate) fn deflated_with(plain: &[u8], level: u32, window_bits: u8) -> Vec<u8> {
    let mut stream = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
    let mut payload = Vec::with_capacity(2 * plain.len() + 100);
    stream.compress_vec(plain, &mut payload, FlushCompress::Sync).expect("it compresses");
    assert_eq!(stream.total_in(), plain.len() as u64);
    assert!(payload.ends_with(&[0, 0, 0xff, 0xff]));
    payload.truncate(payload.len() - 4);
    payload
}

pub(crate) fn deflated(plain: &[u8]) -> Vec<u8> {
    deflated_with(plain, 6, 15)
}

/// What a sender makes of `plain` that ends each message with a final block: zlib's `Z_FINISH`.
pub(crate) fn finished(plain: &[u8], level: u32) -> Vec<u8> {
    let mut stream = Compress::new_with_window_bits(Compression::new(level), false, 15);
    let mut payload = Vec::with_capacity(2 * plain.len() + 100);
    let status =
        stream.compress_vec(plain, &mut payload, FlushCompress::Finish).expect("it compresses");
    assert_eq!(status, Status::StreamEnd);
    payload
}

/// What a receiver with such a window reads of a payload (RFC 7692 §7.2.2). It has no more of what
/// came out than its window.
pub(crate) fn inflated_with(payload: &[u8], window_bits: u8) -> Vec<u8> {
    let mut stream = Decompress::new_with_window_bits(false, window_bits);
    let input = [payload, &[0, 0, 0xff, 0xff]].concat();
    let (mut plain, mut piece) = (Vec::new(), [0; 100]);
    loop {
        let (taken, given) = (stream.total_in() as usize, stream.total_out());
        let status = stream
            .decompress(&input[taken..], &mut piece, FlushDecompress::None)
            .expect("it inflates");
        let count = (stream.total_out() - given) as usize;
        plain.extend_from_slice(&piece[..count]);
        if count < piece.len() && stream.total_in() as usize == input.len() {
            assert_ne!(status, Status::StreamEnd, "the stream goes on");
            return plain;
        }
    }
}

pub(crate) fn inflated(payload: &[u8]) -> Vec<u8> {
    inflated_with(payload, 15)
}

/// Text that compresses as JSON does, different everywhere.
pub(crate) fn json(len: usize) -> Vec<u8> {
    let mut text = String::from("[");
    let mut dice = 12_345_u64;
    while text.len() < len {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (id, user, price) = (dice >> 40, (dice >> 30) % 1_000, (dice >> 20) % 5_000);
        text += &format!(
            "{{\"id\":{id},\"name\":\"user {user}\",\"price\":{price},\"tags\":[\"alpha\",\"beta\"]}},"
        );
    }
    text.truncate(len);
    text.into_bytes()
}

/// What both ends agree on if the client offers `offer`.
pub(crate) fn agreement(deflate: &Deflate, offer: &str) -> DeflateAgreement {
    let headers = [(
        http::header::SEC_WEBSOCKET_EXTENSIONS,
        http::HeaderValue::from_str(offer).expect("visible characters"),
    )];
    deflate.answer(&headers.into_iter().collect()).expect("an offer that is taken").0
}

/// A pool, and a `Deflate` of one compressor and one decompressor whose memory is of another one.
pub(crate) fn one_of_each(pool: &Pool) -> Deflate {
    Deflate::builder().max_compressors(1).build(pool).expect("room")
}

/// A server to which a client has sent `incoming`, and says no more.
pub(crate) fn server(
    pool: &Account,
    deflate: &Deflate,
    config: Config,
    incoming: Vec<u8>,
) -> WebSocket<Faulty> {
    let io = Faulty::new(incoming).staying_open();
    WebSocket::with_config(io, Role::Server, pool, config.into())
        .with_deflate(agreement(deflate, "permessage-deflate"))
}

/// The payload of data, and whether it is text.
pub(crate) fn content(message: Message) -> (bool, Vec<u8>) {
    let is_text = matches!(message, Message::Text(_));
    (is_text, message.into_data().expect("data").to_vec())
}

/// Reads a frame of a server: its first byte and its payload.
pub(crate) async fn read_frame(io: &mut (impl AsyncReadExt + Unpin)) -> (u8, Vec<u8>) {
    let first = io.read_u8().await.expect("a frame");
    let len = match io.read_u8().await.expect("a length") {
        126 => io.read_u16().await.expect("a length").into(),
        127 => io.read_u64().await.expect("a length"),
        len => len.into(),
    };
    let mut payload = vec![0; len as usize];
    io.read_exact(&mut payload).await.expect("a payload");
    (first, payload)
}
