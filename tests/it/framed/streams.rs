//! Streams: the same answers to the same polls, whatever the transport does.

use std::fmt;

use leasehold::{Pool, codec as ours, codec::compat};
use tokio_util::codec as theirs;

use crate::framed::{
    fault::Fault,
    rivals::{Content, Event, Rival},
    transport::{Faulty, seed},
};

/// What arrives after the first end: a transport may go on.
const MORE: &[u8] = b"\x00\x03abc,de\nf\r\n\x00\x00\x00\x01g";

/// An empty frame that takes no byte comes for ever.
const POLLS_MAX: usize = 150;

const STREAMS: [&[u8]; 15] = [
    b"",
    b"\n",
    b"a",
    b"one\ntwo\r\nthree",
    b"one,two;three\n",
    b"far too long for some\nok\n",
    b"ok\nfar too long\r\nok",
    b"a\xffb\nok\n\xc3",
    b"\x00\x05hello\x00\x00\x00\x01x",
    b"\x00\x05hello\x00\x05hel",
    b"\x00\x05hello\x00",
    b"\x00\x02ab\x00\xffover the limit\x00\x01c",
    b"\x00\x00\x00\x05hello\x00\x00\x00\x00\x00\x00\x00\x02ab",
    b"\x00\x00\x00\x05hello\x00\x00\x00\x09and no",
    b"\x00\x00\x00\x02ab\xff\xff\xff\xff\x00\x00\x00\x01c",
];

/// All answers to polls until the end, and after it once more arrived.
fn all<R: Rival>(mut rival: R) -> Vec<Event> {
    let mut events = rival.events(POLLS_MAX);
    rival.io().feed(MORE);
    events.extend(rival.events(POLLS_MAX));
    events
}

/// Reads from five framed transports made of the same two codecs.
fn assert_same_on<T, O>(pool: &Pool, theirs: &T, ours: &O, io: impl Fn() -> Faulty)
where
    T: theirs::Decoder<Item: Content, Error: Into<Fault>> + Clone + Unpin,
    O: ours::Decoder<Item: Content, Error: Into<Fault>> + Clone + Unpin + fmt::Debug,
{
    let expected = all(theirs::Framed::new(io(), theirs.clone()));
    assert_eq!(
        all(theirs::FramedRead::new(io(), theirs.clone())),
        expected,
        "tokio-util's two, {:?}",
        io()
    );
    assert_eq!(
        all(compat::Framed::new(io(), theirs.clone())),
        expected,
        "compat, {ours:?} on {:?}",
        io()
    );
    let charged = compat::Framed::new(io(), theirs.clone()).charge_to(pool);
    assert_eq!(all(charged), expected, "compat, charged, {ours:?} on {:?}", io());
    assert_eq!(
        all(ours::Framed::new(io(), ours.clone(), pool)),
        expected,
        "Framed of {ours:?} on {:?}",
        io()
    );
    assert_eq!(
        all(ours::FramedRead::new(io(), ours.clone(), pool)),
        expected,
        "FramedRead of {ours:?} on {:?}",
        io()
    );
    assert_eq!(pool.leased(), 0);
}

/// Cuts and fails everywhere.
fn assert_same<T, O>(theirs: &T, ours: &O)
where
    T: theirs::Decoder<Item: Content, Error: Into<Fault>> + Clone + Unpin,
    O: ours::Decoder<Item: Content, Error: Into<Fault>> + Clone + Unpin + fmt::Debug,
{
    let pool = Pool::builder().budget(1 << 20).classes([16, 4096]).build().unwrap();
    for stream in STREAMS {
        let io = || Faulty::new(stream);
        for cut in 1..=stream.len().max(1) {
            assert_same_on(&pool, theirs, ours, || io().cut(cut));
        }
        assert_same_on(&pool, theirs, ours, || io().cut(3).pending());
        for cut in [1, 4, usize::MAX] {
            for call in 0..(stream.len() / cut.min(stream.len().max(1))) as u64 + 5 {
                assert_same_on(&pool, theirs, ours, || io().cut(cut).failing_at(call));
            }
        }
    }
}

#[test]
fn length_delimited_frames_come_as_from_tokio_util() {
    assert_same(&theirs::LengthDelimitedCodec::new(), &ours::LengthDelimitedCodec::new());
    let (mut theirs, mut ours) =
        (theirs::LengthDelimitedCodec::builder(), ours::LengthDelimitedCodec::builder());
    theirs.length_field_length(2).max_frame_length(100);
    ours.length_field_length(2).max_frame_length(100);
    assert_same(&theirs.new_codec(), &ours.new_codec());
    theirs.num_skip(0).length_adjustment(2);
    ours.num_skip(0).length_adjustment(2);
    assert_same(&theirs.new_codec(), &ours.new_codec());
}

#[test]
fn lines_come_as_from_tokio_util() {
    for max in [usize::MAX, 4] {
        let (theirs, ours) = (
            theirs::LinesCodec::new_with_max_length(max),
            ours::LinesCodec::new_with_max_length(max),
        );
        assert_same(&theirs, &ours);
    }
}

#[test]
fn delimited_frames_come_as_from_tokio_util() {
    for max in [usize::MAX, 4] {
        let theirs =
            theirs::AnyDelimiterCodec::new_with_max_length(b",;\n".to_vec(), Vec::new(), max);
        let ours = ours::AnyDelimiterCodec::new_with_max_length(b",;\n", [], max);
        assert_same(&theirs, &ours);
    }
}

#[test]
fn bytes_come_as_from_tokio_util() {
    assert_same(&theirs::BytesCodec::new(), &ours::ChainCodec::new());
}

#[test]
fn random_transports_give_the_same_frames() {
    let pool = Pool::new(8 << 20).unwrap();
    let first = seed();
    // Longer than a read: ours begin with 4 KiB, tokio-util's with 8, so only what is decoded is
    // the same, not what is pending.
    let lens = [0, 1, 3, 250, 5_000, 4_092, 70_000, 8_188, 1, 0];
    let mut stream = Vec::new();
    for (at, len) in lens.into_iter().enumerate() {
        stream.extend_from_slice(&(len as u32).to_be_bytes());
        stream.extend((0..len).map(|index| (index + at) as u8));
    }
    stream.extend_from_slice(b"\0\0\0\x09cut");
    let frames = |rival: &mut dyn Rival| {
        let mut events = rival.events(100_000);
        events.retain(|event| *event != Event::Pending);
        events
    };
    for seed in first..first + 40 {
        let io = || Faulty::random(stream.clone(), seed);
        let expected = frames(&mut theirs::Framed::new(io(), theirs::LengthDelimitedCodec::new()));
        assert_eq!(expected.len(), lens.len() + 5);
        let mut compat =
            compat::Framed::new(io(), theirs::LengthDelimitedCodec::new()).charge_to(&pool);
        assert!(frames(&mut compat) == expected, "compat, seed {seed}");
        for capacity in [0, 100, 100_000] {
            let codec = theirs::LengthDelimitedCodec::new();
            let mut compat = compat::Framed::with_capacity(io(), codec, capacity).charge_to(&pool);
            assert!(
                frames(&mut compat) == expected,
                "compat, buffers of {capacity} bytes, seed {seed}"
            );
        }
        let mut framed = ours::Framed::new(io(), ours::LengthDelimitedCodec::new(), &pool);
        assert!(frames(&mut framed) == expected, "Framed, seed {seed}");
        drop((compat, framed));
        assert_eq!(pool.leased(), 0);
    }
}
