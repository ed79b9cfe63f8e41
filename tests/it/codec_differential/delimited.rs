//! `LinesCodec`, `AnyDelimiterCodec` and `ChainCodec` read as tokio-util's do.

use leasehold::codec as ours;
use tokio_util::codec as theirs;

use super::{feed::Feeds, reader::assert_same};

/// `usize::MAX` is no limit, and adding one to it must not overflow.
const LIMITS: [usize; 7] = [usize::MAX, usize::MAX - 1, 0, 1, 4, 10, 100];

const STREAMS: [&[u8]; 26] = [
    b"",
    b"a",
    b"\n",
    b"\n\n\n",
    b"\r",
    b"\r\n",
    b"\r\r\n",
    b"a\r",
    b"a\rb\n",
    b"\n\r",
    b"one\ntwo\r\nthree",
    b"one\r\ntwo\r\n",
    b"four\nfive!\nsix\n",
    b"four\r\nabc\r\nabcd\r",
    b"far too long for some\nok\n",
    b"far too long and without an end",
    b"ok\nfar too long\r\nok\r\nfar too long again\nok",
    b"a\xffb\nok\n",
    b"ok\n\xc3",
    b"\nok\n\xc3 no text at the end",
    b"\xc3\n\xa4\n",
    "ä\nöü\r\n\u{1f980}\n".as_bytes(),
    b"a,b;c|d\ne\rf,,;;\n",
    b"no delimiter of some sets; but of others",
    b",;\n\r",
    b"\0\0a\0,\0",
];

#[test]
fn lines_are_those_of_tokio_util() {
    let feeds = Feeds::new();
    for max in LIMITS {
        let (theirs, ours) = (
            theirs::LinesCodec::new_with_max_length(max),
            ours::LinesCodec::new_with_max_length(max),
        );
        assert_eq!(ours.max_length(), theirs.max_length());
        STREAMS.iter().for_each(|stream| assert_same(&feeds, &theirs, &ours, stream));
    }
    STREAMS.iter().for_each(|stream| {
        assert_same(&feeds, &theirs::LinesCodec::new(), &ours::LinesCodec::new(), stream)
    });
    feeds.assert_all_home();
}

#[test]
fn delimited_frames_are_those_of_tokio_util() {
    let feeds = Feeds::new();
    for delimiters in [&b""[..], b"\n", b",;", b"\r\n\0", b",;\n\r"] {
        for max in LIMITS {
            let theirs = theirs::AnyDelimiterCodec::new_with_max_length(
                delimiters.to_vec(),
                Vec::new(),
                max,
            );
            let ours = ours::AnyDelimiterCodec::new_with_max_length(delimiters, [], max);
            assert_eq!(ours.max_length(), theirs.max_length());
            STREAMS.iter().for_each(|stream| assert_same(&feeds, &theirs, &ours, stream));
        }
    }
    let (theirs, ours) = (theirs::AnyDelimiterCodec::default(), ours::AnyDelimiterCodec::default());
    STREAMS.iter().for_each(|stream| assert_same(&feeds, &theirs, &ours, stream));
    feeds.assert_all_home();
}

#[test]
fn bytes_are_those_of_tokio_util() {
    let feeds = Feeds::new();
    for stream in STREAMS {
        assert_same(&feeds, &theirs::BytesCodec::new(), &ours::ChainCodec::new(), stream);
    }
    feeds.assert_all_home();
}
