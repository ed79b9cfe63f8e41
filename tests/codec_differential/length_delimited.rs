//! `LengthDelimitedCodec` reads as tokio-util's does.

use leasehold::codec as ours;
use tokio_util::codec as theirs;

use super::{feed::Feeds, head::Head, reader::assert_same};

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
    let announced = [&[0xaa; 3][..head.offset.min(3)], &[0xff; 8][..head.field], b"and more"].concat();
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
fn every_head_is_read_as_tokio_util_reads_it() {
    let feeds = Feeds::new();
    for head in &HEADS {
        for stream in streams(head) {
            assert_same(&feeds, &head.theirs(), &head.ours(), &stream);
        }
    }
    feeds.assert_all_home();
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
    let assert_same_type = |theirs: &theirs::length_delimited::Builder, ours: &ours::length_delimited::Builder| {
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
