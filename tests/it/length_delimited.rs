//! Both ends of a length-delimited stream, with every combination of settings: what one encodes the
//! other decodes.

use std::io;

use bytes::{BufMut, Bytes};
use leasehold::{
    Chain, ChainMut, Pool,
    codec::{
        Decoder, Encoder, LengthDelimitedCodec, LengthDelimitedCodecError,
        length_delimited::Builder,
    },
};
use proptest::{option, prelude::*};

/// What a builder is told.
#[derive(Clone, Copy, Debug)]
struct Settings {
    is_little: bool,
    field: usize,
    offset: usize,
    adjustment: isize,
    skip: Option<usize>,
    max: Option<usize>,
}

impl Settings {
    const PLAIN: Self =
        Self { is_little: false, field: 4, offset: 0, adjustment: 0, skip: None, max: None };

    fn codec(&self) -> LengthDelimitedCodec {
        let mut builder = Builder::new();
        builder
            .length_field_length(self.field)
            .length_field_offset(self.offset)
            .length_adjustment(self.adjustment);
        if self.is_little {
            builder.little_endian();
        }
        if let Some(skip) = self.skip {
            builder.num_skip(skip);
        }
        if let Some(max) = self.max {
            builder.max_frame_length(max);
        }
        builder.new_codec()
    }

    fn field_end(&self) -> usize {
        self.offset + self.field
    }

    /// Bytes of the head that stay in front of the payload.
    fn kept(&self) -> usize {
        self.field_end().saturating_sub(self.skip.unwrap_or(usize::MAX))
    }

    /// A frame by hand, whatever its length; none if the field cannot say it.
    fn frame(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let value = (payload.len() + self.kept()) as i128 - self.adjustment as i128;
        let value = u64::try_from(value).ok().filter(|value| value >> (8 * self.field - 1) < 2)?;
        let mut field = value.to_be_bytes()[8 - self.field..].to_vec();
        if self.is_little {
            field.reverse();
        }
        let after = vec![0; self.skip.unwrap_or(0).saturating_sub(self.field_end())];
        Some([&vec![0; self.offset][..], &field, &after, payload].concat())
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let adjustment = prop_oneof![3 => -12..12isize, 1 => -300..300isize, 1 => any::<isize>()];
    let max = option::of(prop_oneof![0..40usize, 250..300usize, Just(100_000), Just(usize::MAX)]);
    let skip = option::of(prop_oneof![4 => 0..16usize, 1 => Just(5_000)]);
    (
        any::<bool>(),
        1..=8usize,
        prop_oneof![4 => 0..5usize, 1 => Just(3_000)],
        adjustment,
        skip,
        max,
    )
        .prop_map(|(is_little, field, offset, adjustment, skip, max)| Settings {
            is_little,
            field,
            offset,
            adjustment,
            skip,
            max,
        })
}

fn payload(len: usize) -> Bytes {
    (0..len).map(|at| at as u8 | 1).collect()
}

fn bytes(chain: &ChainMut) -> Vec<u8> {
    chain.chunks().flatten().copied().collect()
}

/// The frames of `wire`, given to the codec in pieces of `cut` bytes; and the error that ends them.
fn decoded(
    pool: &Pool,
    mut codec: LengthDelimitedCodec,
    wire: &[u8],
    cut: usize,
) -> (Vec<Chain>, io::Result<usize>) {
    let (mut src, mut frames) = (ChainMut::new(pool), Vec::new());
    for piece in wire.chunks(cut) {
        src.push(Bytes::copy_from_slice(piece));
        loop {
            assert!(frames.len() <= wire.len(), "frames without end");
            match codec.decode(&mut src) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(src.len()))
}

fn is_told(error: &io::Error) -> bool {
    let reason =
        error.get_ref().and_then(|reason| reason.downcast_ref::<LengthDelimitedCodecError>());
    reason.is_some_and(|reason| reason.is_too_large() || reason.is_not_adjustable())
}

/// Sends `payload` from one end to the other; says whether it was taken.
fn round_trip(settings: &Settings, payload: &Bytes, cut: usize) -> bool {
    let pool = Pool::new(8 << 20).unwrap();
    let by_hand = settings.frame(payload);
    let mut written = ChainMut::new(&pool);
    let linked = settings.codec().encode(payload.clone(), &mut written);
    let mut copied = ChainMut::new(&pool);
    let same = settings.codec().encode(&payload[..], &mut copied);
    assert_eq!(linked.is_ok(), same.is_ok());
    assert_eq!(bytes(&written), bytes(&copied));
    let mut poor = ChainMut::new(&pool.account("nobody", 0));
    assert_eq!(settings.codec().encode(payload.clone(), &mut poor).is_ok(), linked.is_ok());
    assert_eq!(bytes(&poor), bytes(&written));
    if let Err(error) = &linked {
        assert!(is_told(error), "{error}");
        assert!(written.is_empty());
        // What may not be sent is not received either.
        if let Some(by_hand) = by_hand {
            let (frames, ended) = decoded(&pool, settings.codec(), &by_hand, cut);
            assert!(frames.is_empty() && ended.is_err_and(|error| is_told(&error)), "{by_hand:x?}");
        }
        return false;
    }
    let by_hand = by_hand.expect("the field can say it");
    assert_eq!(bytes(&written), by_hand);
    let twice = [&by_hand[..], &by_hand].concat();
    let (frames, left) = decoded(&pool, settings.codec(), &twice, cut);
    assert_eq!((frames.len(), left.unwrap()), (2, 0), "{twice:x?}");
    for frame in frames {
        assert!(frame.len() <= settings.codec().max_frame_length());
        let head = &by_hand[settings.field_end() - settings.kept()..settings.field_end()];
        assert_eq!(frame.to_vec(), [head, payload].concat());
    }
    drop((written, copied, poor));
    assert_eq!(pool.leased(), 0);
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn what_one_end_encodes_the_other_decodes(
        settings in settings(),
        len in prop_oneof![4 => 0..60usize, 1 => 200..600usize, 1 => Just(70_000)],
        cut in prop_oneof![1..20usize, Just(100_000)],
    ) {
        round_trip(&settings, &payload(len), cut);
    }

    #[test]
    fn no_bytes_make_it_panic(settings in settings(), wire in prop::collection::vec(any::<u8>(), 0..80)) {
        let pool = Pool::new(8 << 20).unwrap();
        let (frames, ended) = decoded(&pool, settings.codec(), &wire, 7);
        assert!(frames.iter().all(|frame| frame.len() <= settings.codec().max_frame_length()));
        assert!(ended.map_or_else(|error| is_told(&error), |_| true));
        drop(frames);
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn the_limit_is_that_of_the_payload_both_ways() {
    let with = |adjustment| Settings { adjustment, max: Some(10), ..Settings::PLAIN };
    for adjustment in [-1_000, -4, -1, 0, 1, 4, 10] {
        for len in [0, 1, 9, 10, 11, 14, 20] {
            // A length below zero cannot be written.
            let is_fair = len <= 10 && len as isize >= adjustment;
            assert_eq!(
                round_trip(&with(adjustment), &payload(len), 3),
                is_fair,
                "{len} bytes with {adjustment}"
            );
        }
    }
}

/// Each length around the limits of each width, with each adjustment around the end of the field.
#[test]
fn lengths_at_the_edge_of_the_field_are_told_or_taken() {
    for adjustment in [-256, -255, -1, 0, 1, 255, 256, isize::MIN, isize::MIN + 1, isize::MAX] {
        for (field, max) in
            [(1, None), (1, Some(usize::MAX)), (2, Some(usize::MAX)), (8, Some(usize::MAX))]
        {
            for len in [0, 1, 254, 255, 256, 509, 510, 511, 512, 65_535, 65_536, 65_790, 65_791] {
                let settings = Settings { field, adjustment, max, ..Settings::PLAIN };
                let is_taken = round_trip(&settings, &payload(len), 1 << 20);
                let value = len as i128 - adjustment as i128;
                let most = (1i128 << (8 * field)) - 1;
                let is_fair = (0..=most).contains(&value) && len <= max.unwrap_or(8 << 20);
                assert_eq!(is_taken, is_fair, "{len} bytes with {settings:?}");
            }
        }
    }
}

/// A frame that is to keep its head is no shorter than that: one of no bytes would come for ever.
#[test]
fn a_frame_that_is_shorter_than_the_head_it_keeps_is_refused() {
    let pool = Pool::new(8 << 20).unwrap();
    for (adjustment, value) in [(0, 0), (0, 1), (1, 0), (-1, 2)] {
        let codec = Settings { field: 2, adjustment, skip: Some(0), ..Settings::PLAIN }.codec();
        let mut wire = Vec::new();
        wire.put_u16(value);
        wire.extend_from_slice(b"more");
        let (frames, ended) = decoded(&pool, codec, &wire, 100);
        assert!(
            frames.is_empty() && ended.is_err_and(|error| is_told(&error)),
            "{value} with {adjustment}"
        );
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_head_that_nobody_sends_is_not_written() {
    let pool = Pool::new(8 << 20).unwrap();
    for settings in [
        Settings { offset: usize::MAX, ..Settings::PLAIN },
        Settings { skip: Some(usize::MAX), ..Settings::PLAIN },
        Settings { offset: 1 << 20, ..Settings::PLAIN },
    ] {
        let mut dst = ChainMut::new(&pool);
        assert!(is_told(&settings.codec().encode(Bytes::new(), &mut dst).unwrap_err()));
        assert!(dst.is_empty());
    }
    assert_eq!(pool.leased(), 0);
}
