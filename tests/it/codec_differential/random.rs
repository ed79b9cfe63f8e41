//! Random settings, random streams, random cuts.

use leasehold::codec as ours;
use proptest::{collection::vec, option, prelude::*};
use tokio_util::codec as theirs;

use super::{cut::pieces, feed::Feeds, head::Head, reader::assert_same_pieces};

/// Limits that a stream of some hundred bytes meets, and one that it does not.
fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![0..40usize, Just(usize::MAX)]
}

fn head() -> impl Strategy<Value = Head> {
    let limit = option::of(prop_oneof![0..40usize, Just(100_000), Just(usize::MAX)]);
    (any::<bool>(), 1..=8usize, 0..5usize, 0..12isize, option::of(0..16usize), limit).prop_map(
        |(is_little, field, offset, adjustment, skip, max)| {
            // tokio-util makes room for all that is announced.
            let max = if field > 2 { max.map(|max| max.min(100_000)) } else { max };
            Head { is_little, field, offset, adjustment, skip, max }.read_alike()
        },
    )
}

/// What a peer may send: frames, and now and then a few bytes that are none.
#[derive(Clone, Debug)]
enum Sent {
    Frame(usize),
    Garbage(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let small = prop_oneof![4 => 0..4u8, 1 => any::<u8>()];
    vec(
        prop_oneof![4 => (0..50usize).prop_map(Sent::Frame), 1 => vec(small, 0..20).prop_map(Sent::Garbage)],
        0..8,
    )
}

/// Bytes that delimiters are common among, and text that is none.
fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![8 => Just(b'a'), 2 => Just(b'\n'), 2 => Just(b'\r'), 2 => Just(b','), 1 => any::<u8>()],
        0..150,
    )
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..12)
}

fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    pieces(stream, &cuts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn heads_are_read_alike(head in head(), sent in sent(), cuts in cuts()) {
        let stream: Vec<u8> = sent
            .into_iter()
            .flat_map(|sent| match sent {
                Sent::Frame(len) => head.frame(&vec![b'x'; len]),
                Sent::Garbage(bytes) => bytes,
            })
            .collect();
        assert_same_pieces(&Feeds::new(), &head.theirs(), &head.ours(), &cut(&stream, &cuts));
    }

    #[test]
    fn lines_are_read_alike(max in limit(), stream in text(), cuts in cuts()) {
        let theirs = theirs::LinesCodec::new_with_max_length(max);
        let ours = ours::LinesCodec::new_with_max_length(max);
        assert_same_pieces(&Feeds::new(), &theirs, &ours, &cut(&stream, &cuts));
    }

    #[test]
    fn delimited_frames_are_read_alike(
        delimiters in vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b','), any::<u8>()], 0..6),
        max in limit(),
        stream in text(),
        cuts in cuts(),
    ) {
        let theirs = theirs::AnyDelimiterCodec::new_with_max_length(delimiters.clone(), Vec::new(), max);
        let ours = ours::AnyDelimiterCodec::new_with_max_length(delimiters, [], max);
        assert_same_pieces(&Feeds::new(), &theirs, &ours, &cut(&stream, &cuts));
    }
}
