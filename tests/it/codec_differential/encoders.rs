//! Items are written as tokio-util writes them.

use std::fmt;

use bytes::{Bytes, BytesMut};
use leasehold::{Chain, ChainMut, Pool, codec as ours};
use tokio_util::codec as theirs;

use super::{fault::Fault, head::Head};

/// Room that a chain has before something is written: none, too little for what comes, what a sink
/// has ready, plenty.
const ROOMS: [usize; 5] = [0, 1, 3, ours::HEAD_ROOM, 5_000];

/// Lengths around those at which something changes: a limit, the width of a field, when a piece is
/// linked.
const LENS: [usize; 12] = [0, 1, 4, 5, 6, 245, 246, 255, 256, 511, 512, 70_000];

fn payload(len: usize) -> Bytes {
    (0..len).map(|at| at as u8).collect()
}

/// A chain of pieces that grow: short ones are copied, long ones are linked.
fn in_pieces(mut bytes: Bytes) -> Chain {
    let mut chain = Chain::new();
    let mut len = 1;
    while !bytes.is_empty() {
        chain.push(bytes.split_to(len.min(bytes.len())));
        len *= 3;
    }
    chain
}

/// Writes all `items` one after the other with both codecs, and compares what each attempt leaves.
fn assert_same<T, O, I, J>(
    mut theirs: T,
    mut ours: O,
    items: impl IntoIterator<Item = (I, J)> + Clone,
) where
    T: theirs::Encoder<I, Error: Into<Fault>>,
    O: ours::Encoder<J, Error: Into<Fault>> + fmt::Debug,
{
    for tiny in [true, false] {
        let builder = Pool::builder().budget(8 << 20);
        let pool =
            if tiny { builder.classes([4, 16, 4_096]) } else { builder }.build().expect("a pool");
        for room in ROOMS {
            let mut expected = BytesMut::new();
            let mut dst = ChainMut::new(&pool);
            for (item, same) in items.clone() {
                dst.try_reserve(room).expect("room");
                let wanted = theirs.encode(item, &mut expected).map_err(Into::into);
                let written = ours.encode(same, &mut dst).map_err(Into::into);
                assert_eq!(written, wanted, "{ours:?}");
                assert!(dst.chunks().flatten().eq(&expected), "{ours:?} with room {room}");
            }
        }
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn frames_with_lengths_are_written_as_tokio_util_writes_them() {
    let heads = [
        Head::of(1),
        Head::of(2),
        Head::of(3),
        Head::of(4),
        Head::of(8),
        Head { is_little: true, ..Head::of(3) },
        Head { is_little: true, ..Head::of(8) },
        Head { max: Some(5), ..Head::of(4) },
        Head { max: Some(usize::MAX), ..Head::of(1) },
        Head { adjustment: -10, max: Some(usize::MAX), ..Head::of(1) },
        Head { adjustment: 5, max: Some(usize::MAX), ..Head::of(1) },
        Head { skip: Some(2), adjustment: -2, ..Head::of(2) },
    ];
    for head in heads {
        assert!(head.is_written_alike());
        let payloads = LENS.map(payload);
        let as_bytes = payloads.iter().map(|payload| (payload.clone(), payload.clone()));
        assert_same(head.theirs(), head.ours(), as_bytes);
        let as_chains =
            payloads.iter().map(|payload| (payload.clone(), in_pieces(payload.clone())));
        assert_same(head.theirs(), head.ours(), as_chains);
        let as_slices = payloads.iter().map(|payload| (&payload[..], &payload[..]));
        assert_same(head.theirs(), head.ours(), as_slices);
    }
}

/// tokio-util's encoder knows neither offset nor skip, so that its decoder reads something else.
#[test]
fn exactly_those_heads_are_written_differently_that_have_more_than_a_length() {
    let pool = Pool::new(8 << 20).expect("a pool");
    for field in 1..=8 {
        for offset in [0, 1, 3] {
            for skip in [None, Some(0), Some(1), Some(field), Some(field + offset), Some(20)] {
                for adjustment in [-12, -1, 0, 1, 12] {
                    let head = Head { offset, skip, adjustment, ..Head::of(field) };
                    let (mut expected, mut dst) = (BytesMut::new(), ChainMut::new(&pool));
                    let payload = payload(30);
                    theirs::Encoder::encode(&mut head.theirs(), payload.clone(), &mut expected)
                        .expect("a fair length");
                    ours::Encoder::encode(&mut head.ours(), payload, &mut dst)
                        .expect("a fair length");
                    let is_same = dst.chunks().flatten().eq(&expected);
                    assert_eq!(is_same, head.is_written_alike(), "{head:?}");
                }
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn text_is_written_as_tokio_util_writes_it() {
    let texts =
        ["", "a", "a line", "one\ntwo", "käfer\r", &"long ".repeat(1_000)].map(str::to_owned);
    let twice = texts.iter().map(|text| (text, text));
    assert_same(theirs::LinesCodec::new(), ours::LinesCodec::new(), twice.clone());
    assert_same(
        theirs::AnyDelimiterCodec::default(),
        ours::AnyDelimiterCodec::default(),
        twice.clone(),
    );
    for sequence in [&b""[..], b"\0", b"\r\n", b" -- the end -- "] {
        let theirs = || theirs::AnyDelimiterCodec::new(b",".to_vec(), sequence.to_vec());
        let ours = || ours::AnyDelimiterCodec::new(b",", sequence);
        assert_same(theirs(), ours(), twice.clone());
        let linked = texts.iter().map(|text| (text, in_pieces(Bytes::from(text.clone()))));
        assert_same(theirs(), ours(), linked);
    }
}

#[test]
fn bytes_are_written_as_tokio_util_writes_them() {
    let payloads = LENS.map(payload);
    let as_bytes = payloads.iter().map(|payload| (payload.clone(), payload.clone()));
    assert_same(theirs::BytesCodec::new(), ours::ChainCodec::new(), as_bytes);
    let as_chains = payloads.iter().map(|payload| (payload.clone(), in_pieces(payload.clone())));
    assert_same(theirs::BytesCodec::new(), ours::ChainCodec::new(), as_chains);
}
