//! `LengthDelimitedCodec` reads as tokio-util's does, but where the docs say otherwise.

use bytes::{Bytes, BytesMut};
use leasehold::{ChainMut, Pool, codec as ours};
use tokio_util::codec::{self as theirs, Decoder};

use super::{fault::Fault, feed::Feeds, head::Head, reader::assert_same};

/// The settings that a head can have, one at a time and together.
const HEADS: [Head; 24] = [
    Head::of(4),
    Head::of(1),
    Head::of(2),
    Head::of(3),
    Head::of(8),
    Head { is_little: true, ..Head::of(2) },
    Head { is_little: true, ..Head::of(3) },
    Head { is_little: true, ..Head::of(8) },
    Head { max: Some(0), ..Head::of(1) },
    Head { max: Some(5), ..Head::of(2) },
    Head { max: Some(usize::MAX), ..Head::of(1) },
    Head { offset: 3, ..Head::of(2) },
    Head { skip: Some(0), ..Head::of(2) },
    Head { skip: Some(1), ..Head::of(2) },
    Head { skip: Some(9), ..Head::of(2) },
    Head { adjustment: -2, ..Head::of(2) },
    Head { adjustment: 2, ..Head::of(2) },
    Head { adjustment: 2, skip: Some(0), ..Head::of(2) },
    Head { adjustment: -10, max: Some(usize::MAX), ..Head::of(1) },
    Head { adjustment: 10, max: Some(usize::MAX), ..Head::of(1) },
    Head { adjustment: -300, ..Head::of(1) },
    Head { offset: 1, skip: Some(4), ..Head::of(2) },
    Head { offset: 1, adjustment: -3, skip: Some(0), max: Some(12), ..Head::of(2) },
    Head { is_little: true, offset: 2, adjustment: 1, skip: Some(3), max: Some(6), ..Head::of(4) },
];

fn streams(head: &Head) -> Vec<Vec<u8>> {
    let one = head.frame(b"hello");
    let long = head.frame(&[b'x'; 70]);
    let cut_short = [&one[..], &one[..one.len() - 1]].concat();
    let half_a_head = [&one[..], &one[..head.field / 2 + head.offset]].concat();
    let announced =
        [&[0xaa; 3][..head.offset.min(3)], &[0xff; 8][..head.field], b"and more"].concat();
    vec![
        Vec::new(),
        one.clone(),
        head.frame(b""),
        [head.frame(b""), head.frame(b"a"), head.frame(b"")].concat(),
        [&long[..], &one].concat(),
        cut_short,
        half_a_head,
        announced.clone(),
        [&one[..], &announced].concat(),
        vec![0; 14],
        vec![0xff; 14],
        (0..20).collect(),
        (0..20).rev().collect(),
        b"\x00\x02\x00\x01\x03\x00\x00garbage\x00\x00\x04".to_vec(),
    ]
}

#[test]
fn heads_are_read_as_tokio_util_reads_them() {
    let feeds = Feeds::new();
    let mut alike = 0;
    for head in HEADS.iter().filter(|head| head.is_read_alike()) {
        alike += 1;
        for stream in streams(head) {
            assert_same(&feeds, &head.theirs(), &head.ours(), &stream);
        }
    }
    assert_eq!(alike, 17);
    feeds.assert_all_home();
}

/// What a codec says to a head, with as many zeros behind it as a short frame has.
fn said(decoded: Result<Option<Vec<u8>>, std::io::Error>) -> Result<Option<Vec<u8>>, Fault> {
    decoded.map_err(Fault::from)
}

/// Whether there is a length that both codecs do not read alike.
fn differs(head: &Head, pool: &Pool) -> bool {
    let most = u64::MAX >> (64 - 8 * head.field);
    let max = head.ours().max_frame_length() as u64;
    let edges = [
        0,
        1,
        head.adjustment.unsigned_abs() as u64,
        max,
        max.saturating_sub(head.adjustment.max(0) as u64),
        most,
    ];
    edges.into_iter().flat_map(|edge| edge.saturating_sub(12)..=edge.saturating_add(12)).any(
        |value| {
            let value = value.min(most).to_be_bytes();
            let mut field = value[8 - head.field..].to_vec();
            if head.is_little {
                field.reverse();
            }
            let wire = [&vec![0xaa; head.offset][..], &field, &[0; 40]].concat();
            // tokio-util makes room for all that is announced, and the program ends where there is
            // none.
            let announced = u64::from_be_bytes(value).checked_add_signed(head.adjustment as i64);
            let is_long =
                u64::from_be_bytes(value) <= max && announced.is_some_and(|len| len > 1 << 20);
            let theirs = if is_long {
                Ok(None)
            } else {
                head.theirs().decode(&mut BytesMut::from(&wire[..]))
            };
            let theirs = said(theirs.map(|frame| frame.map(|frame| frame.to_vec())));
            let mut src = ChainMut::new(pool);
            src.push(Bytes::from(wire));
            let ours = said(
                ours::Decoder::decode(&mut head.ours(), &mut src)
                    .map(|frame| frame.map(|frame| frame.to_vec())),
            );
            theirs != ours
        },
    )
}

#[test]
fn exactly_those_heads_are_read_differently_that_the_docs_name() {
    let pool = Pool::new(8 << 20).expect("a pool");
    let mut counts = [0; 2];
    for field in 1..=8 {
        for (offset, is_little) in [(0, false), (0, true), (3, false)] {
            for adjustment in [-12, -4, -1, 0, 1, 2, 4, 12] {
                for skip in [None, Some(0), Some(1), Some(3), Some(field + offset), Some(15)] {
                    for max in [None, Some(0), Some(10), Some(255), Some(267), Some(usize::MAX)] {
                        let head = Head { is_little, field, offset, adjustment, skip, max };
                        let differs = differs(&head, &pool);
                        assert_eq!(!differs, head.is_read_alike(), "{head:?}");
                        counts[usize::from(differs)] += 1;
                    }
                }
            }
        }
    }
    println!("{} heads are read alike, {} are not", counts[0], counts[1]);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn defaults_are_those_of_tokio_util() {
    let feeds = Feeds::new();
    let (theirs, ours) = (theirs::LengthDelimitedCodec::new(), ours::LengthDelimitedCodec::new());
    assert_eq!(ours.max_frame_length(), theirs.max_frame_length());
    for stream in streams(&Head::of(4)) {
        assert_same(&feeds, &theirs, &ours, &stream);
    }
    assert_same(&feeds, &theirs, &ours, b"\x00\x80\x00\x00 just so much");
    assert_same(&feeds, &theirs, &ours, b"\x00\x80\x00\x01 one too many");
    feeds.assert_all_home();
}

#[test]
fn field_types_and_orders_are_those_of_tokio_util() {
    let feeds = Feeds::new();
    let stream: Vec<u8> = b"\x00\x00\x00\x00\x00\x00\x00\x03abc".repeat(2);
    let mut theirs = theirs::LengthDelimitedCodec::builder();
    let mut ours = ours::LengthDelimitedCodec::builder();
    let assert_same_type = |theirs: &theirs::length_delimited::Builder,
                            ours: &ours::length_delimited::Builder| {
        assert_same(&feeds, &theirs.new_codec(), &ours.new_codec(), &stream);
    };
    assert_same_type(theirs.length_field_type::<u8>(), ours.length_field_type::<u8>());
    assert_same_type(theirs.length_field_type::<u16>(), ours.length_field_type::<u16>());
    assert_same_type(theirs.length_field_type::<u32>(), ours.length_field_type::<u32>());
    assert_same_type(theirs.length_field_type::<u64>(), ours.length_field_type::<u64>());
    assert_same_type(theirs.length_field_type::<usize>(), ours.length_field_type::<usize>());
    assert_same_type(theirs.native_endian(), ours.native_endian());
    assert_same_type(theirs.little_endian(), ours.little_endian());
    assert_same_type(theirs.big_endian(), ours.big_endian());
    feeds.assert_all_home();
}

#[test]
fn limits_are_lowered_as_tokio_util_lowers_them() {
    for field in 1..=8 {
        for adjustment in [0, 1, -1, 1_000, -1_000, isize::MAX, isize::MIN + 1] {
            for max in [0, 1, 255, 256, 100_000, usize::MAX] {
                let head = Head { adjustment, max: Some(max), ..Head::of(field) };
                let (mut theirs, mut ours) = (head.theirs(), head.ours());
                assert_eq!(ours.max_frame_length(), theirs.max_frame_length(), "{head:?}");
                theirs.set_max_frame_length(max / 2 + 3);
                ours.set_max_frame_length(max / 2 + 3);
                assert_eq!(ours.max_frame_length(), theirs.max_frame_length(), "{head:?}");
            }
        }
    }
}
