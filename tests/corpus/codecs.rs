//! Frames of a stream, however it is cut, against tokio-util's.

use bytes::Bytes;
use leasehold::{
    ChainMut, Pool,
    codec::{self as ours, Decoder},
};
use tokio_util::codec as theirs;

use super::input::Input;

#[path = "../it/codec_differential/cut.rs"]
#[allow(dead_code, reason = "its own tests cut everywhere, too")]
mod cut;
#[path = "../it/codec_differential/fault.rs"]
mod fault;
#[path = "../it/codec_differential/feed.rs"]
mod feed;
#[path = "../it/codec_differential/head.rs"]
#[allow(dead_code, reason = "its own tests make frames, too")]
mod head;
#[path = "../it/codec_differential/reader.rs"]
#[allow(dead_code, reason = "its own tests cut everywhere, too")]
mod reader;

use self::{cut::pieces, feed::Feeds, head::Head, reader::assert_same_pieces};

thread_local! {
    /// One of each thread's own: what is leased of a pool is exact while nobody else uses it.
    static FEEDS: Feeds = Feeds::new();
}

/// The first bytes are the settings and the cuts, the others the stream.
pub(crate) fn length_delimited(data: &[u8]) {
    let mut input = Input::new(data);
    let head = Head {
        is_little: input.byte() & 1 == 1,
        field: 1 + usize::from(input.byte() % 8),
        offset: usize::from(input.byte() % 5),
        adjustment: isize::from(i8::from_le_bytes([input.byte()]) % 12),
        skip: input.maybe_below(16),
        max: Some(input.maybe_below(40).unwrap_or(100_000)),
    };
    with_pieces(input, |pieces| {
        read_alone(&head, pieces);
        let head = head.read_alike();
        FEEDS.with(|feeds| assert_same_pieces(feeds, &head.theirs(), &head.ours(), pieces));
    });
}

/// With any settings, frames are as long as they may be, and each takes bytes.
fn read_alone(head: &Head, pieces: &[&[u8]]) {
    let (mut codec, pool) = (head.ours(), Pool::new(1 << 20).expect("a pool"));
    let mut src = ChainMut::new(&pool);
    for piece in pieces {
        src.push(Bytes::copy_from_slice(piece));
        let mut left = src.len();
        while let Ok(Some(frame)) = codec.decode(&mut src) {
            assert!(
                frame.len() <= codec.max_frame_length() && (frame.is_empty() || src.len() < left)
            );
            left = src.len();
        }
    }
}

/// As `length_delimited`, for lines and for delimiters of any kind.
pub(crate) fn lines(data: &[u8]) {
    let mut input = Input::new(data);
    let is_lines = input.byte() & 1 == 0;
    let max = input.maybe_below(40).unwrap_or(usize::MAX);
    if is_lines {
        let theirs = theirs::LinesCodec::new_with_max_length(max);
        let ours = ours::LinesCodec::new_with_max_length(max);
        return with_pieces(input, |pieces| {
            FEEDS.with(|feeds| assert_same_pieces(feeds, &theirs, &ours, pieces))
        });
    }
    let delimiters: Vec<u8> = (0..input.byte() % 6).map(|_| input.byte()).collect();
    let theirs =
        theirs::AnyDelimiterCodec::new_with_max_length(delimiters.clone(), Vec::new(), max);
    let ours = ours::AnyDelimiterCodec::new_with_max_length(delimiters, [], max);
    with_pieces(input, |pieces| {
        FEEDS.with(|feeds| assert_same_pieces(feeds, &theirs, &ours, pieces))
    });
}

/// Cuts the rest of the input as it says first.
fn with_pieces(mut input: Input<'_>, read: impl FnOnce(&[&[u8]])) {
    let cuts: Vec<u8> = (0..input.byte() % 12).map(|_| input.byte()).collect();
    let stream = input.rest();
    let mut cuts: Vec<usize> =
        cuts.into_iter().map(|cut| usize::from(cut) % (stream.len() + 1)).collect();
    cuts.sort_unstable();
    read(&pieces(stream, &cuts));
}
