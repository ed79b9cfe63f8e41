//! Taking a framed transport apart, and going on with another codec: no byte is lost, and what is
//! buffered is decoded at once.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use leasehold::{Pool, codec as ours, codec::compat};
use tokio_util::codec as theirs;

use crate::framed::{
    rivals::{Event, Rival, Sender},
    transport::Faulty,
};

/// A line, two frames with lengths, a line that nothing ends.
const MIXED: &[u8] = b"HEAD\n\0\0\0\x03abc\0\0\0\0tail";

fn frame(bytes: &[u8]) -> Event {
    Event::Frame(bytes.to_vec())
}

/// The first answer that is not `Pending`.
fn next(rival: &mut impl Rival) -> Event {
    loop {
        match rival.step() {
            Event::Pending => {}
            event => return event,
        }
    }
}

/// Reads [`MIXED`]: lines, then lengths, then lines again, by `switch` and `back`, which change the
/// codec.
macro_rules! read_mixed {
    ($lines:expr, $switch:expr, $back:expr) => {{
        let mut lines = $lines;
        assert_eq!(next(&mut lines), frame(b"HEAD"));
        let mut lengths = $switch(lines);
        assert_eq!(next(&mut lengths), frame(b"abc"));
        assert_eq!(next(&mut lengths), frame(b""));
        let mut lines = $back(lengths);
        assert_eq!(next(&mut lines), frame(b"tail"));
        assert_eq!(next(&mut lines), Event::End);
    }};
}

/// Every transport that [`MIXED`] comes from.
fn transports() -> impl Iterator<Item = Faulty> {
    let cuts = (1..=MIXED.len())
        .flat_map(|cut| [Faulty::new(MIXED).cut(cut), Faulty::new(MIXED).cut(cut).pending()]);
    cuts.chain((0..20).map(|seed| Faulty::random(MIXED, seed)))
}

#[test]
fn codecs_change_in_the_middle_of_a_stream() {
    let pool = Pool::new(8 << 20).unwrap();
    for io in transports() {
        read_mixed!(
            ours::Framed::new(io, ours::LinesCodec::new(), &pool),
            |lines: ours::Framed<_, _>| lines.map_codec(|_| ours::LengthDelimitedCodec::new()),
            |lengths: ours::Framed<_, _>| lengths.map_codec(|_| ours::LinesCodec::new())
        );
    }
    for io in transports() {
        read_mixed!(
            ours::FramedRead::new(io, ours::LinesCodec::new(), &pool),
            |lines: ours::FramedRead<_, _>| lines
                .map_decoder(|_| ours::LengthDelimitedCodec::new()),
            |lengths: ours::FramedRead<_, _>| lengths.map_decoder(|_| ours::LinesCodec::new())
        );
    }
    for io in transports() {
        read_mixed!(
            ours::FramedRead::new(io, ours::LinesCodec::new(), &pool),
            |lines: ours::FramedRead<_, _>| {
                let parts = lines.into_parts();
                assert!(parts.write_buf.is_empty());
                let mut with =
                    ours::FramedParts::new(parts.io, ours::LengthDelimitedCodec::new(), &pool);
                with.read_buf = parts.read_buf;
                ours::Framed::from_parts(with)
            },
            |lengths: ours::Framed<_, _>| {
                let parts = lengths.into_parts();
                let mut with = ours::FramedParts::new(parts.io, ours::LinesCodec::new(), &pool);
                with.read_buf = parts.read_buf;
                ours::Framed::from_parts(with)
            }
        );
    }
    for io in transports() {
        read_mixed!(
            compat::Framed::new(io, theirs::LinesCodec::new()).charge_to(&pool),
            |lines: compat::Framed<_, _>| lines.map_codec(|_| theirs::LengthDelimitedCodec::new()),
            |lengths: compat::Framed<_, _>| lengths.map_codec(|_| theirs::LinesCodec::new())
        );
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn what_the_old_codec_left_is_decoded_by_the_new_one_without_more_bytes() {
    let pool = Pool::new(8 << 20).unwrap();
    let io = || Faulty::new("half a line").staying_open();

    let mut framed = theirs::Framed::new(io(), theirs::LinesCodec::new());
    assert_eq!(framed.step(), Event::Pending);
    assert_eq!(framed.map_codec(|_| theirs::BytesCodec::new()).step(), frame(b"half a line"));

    let mut framed = compat::Framed::new(io(), theirs::LinesCodec::new()).charge_to(&pool);
    assert_eq!(framed.step(), Event::Pending);
    assert_eq!(framed.map_codec(|_| theirs::BytesCodec::new()).step(), frame(b"half a line"));

    let mut framed = ours::Framed::new(io(), ours::LinesCodec::new(), &pool);
    assert_eq!(framed.step(), Event::Pending);
    assert_eq!(framed.map_codec(|_| ours::ChainCodec::new()).step(), frame(b"half a line"));

    let mut framed = ours::FramedRead::new(io(), ours::LinesCodec::new(), &pool);
    assert_eq!(framed.step(), Event::Pending);
    assert_eq!(framed.map_decoder(|_| ours::ChainCodec::new()).step(), frame(b"half a line"));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn after_an_error_the_new_codec_begins_anew() {
    let pool = Pool::new(8 << 20).unwrap();
    let io = || Faulty::new("far too long\nok\n").staying_open();

    let mut framed = theirs::Framed::new(io(), theirs::LinesCodec::new_with_max_length(2));
    assert!(matches!(framed.step(), Event::Fault(_)));
    let expected = framed.map_codec(|_| theirs::LinesCodec::new()).step();

    let mut framed = compat::Framed::new(io(), theirs::LinesCodec::new_with_max_length(2));
    assert!(matches!(framed.step(), Event::Fault(_)));
    assert_eq!(framed.map_codec(|_| theirs::LinesCodec::new()).step(), expected);

    let mut framed = ours::Framed::new(io(), ours::LinesCodec::new_with_max_length(2), &pool);
    assert!(matches!(framed.step(), Event::Fault(_)));
    assert_eq!(framed.map_codec(|_| ours::LinesCodec::new()).step(), expected);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn parts_keep_the_bytes_of_both_directions() {
    let pool = Pool::new(8 << 20).unwrap();
    for cut in 1..=20 {
        let io = Faulty::new("one\ntwo\nthr").staying_open().cut(cut);
        let mut framed = ours::Framed::new(io, ours::LinesCodec::new(), &pool);
        assert_eq!(framed.next().await.unwrap().unwrap(), "one");
        framed.feed("sent").await.unwrap();
        let parts = framed.into_parts();
        assert_eq!(parts.write_buf.chunks().flatten().copied().collect::<Vec<_>>(), b"sent\n");
        let mut framed = ours::Framed::from_parts(parts);
        framed.feed("later").await.unwrap();
        assert_eq!(framed.next().await.unwrap().unwrap(), "two");
        let mut parts = ours::FramedWrite::new((), (), &pool).into_parts();
        assert!(parts.read_buf.is_empty() && parts.write_buf.is_empty());
        std::mem::swap(&mut parts.write_buf, framed.write_buffer_mut());
        std::mem::swap(&mut parts.read_buf, framed.read_buffer_mut());
        assert!(framed.read_buffer().is_empty() && framed.write_buffer().is_empty());
        std::mem::swap(&mut parts.write_buf, framed.write_buffer_mut());
        std::mem::swap(&mut parts.read_buf, framed.read_buffer_mut());
        SinkExt::<&str>::flush(&mut framed).await.unwrap();
        framed.get_mut().feed(b"ee\n");
        assert_eq!(framed.next().await.unwrap().unwrap(), "three");
        assert_eq!(framed.into_inner().sent(), b"sent\nlater\n");
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn the_parts_of_a_writer_are_sent_by_what_is_made_of_them() {
    let pool = Pool::new(8 << 20).unwrap();
    let mut writer = ours::FramedWrite::new(Faulty::new([]), ours::LinesCodec::new(), &pool);
    writer.feed("a line").await.unwrap();
    let mut writer = writer.map_encoder(|_| ours::LengthDelimitedCodec::new());
    writer.feed(Bytes::from_static(b"abc")).await.unwrap();
    let parts = writer.into_parts();
    assert!(parts.read_buf.is_empty());
    let mut framed = ours::Framed::from_parts(parts);
    SinkExt::<Bytes>::close(&mut framed).await.unwrap();
    assert_eq!(framed.get_ref().sent(), b"a line\n\0\0\0\x03abc");
    assert_eq!(pool.leased(), 0);
    drop(framed);
}

#[tokio::test]
async fn compatible_parts_come_from_tokio_util_too() {
    let pool = Pool::new(8 << 20).unwrap();
    for cut in 1..=20 {
        let io = Faulty::new("one\ntwo\nthree\n").cut(cut);
        let mut framed = theirs::Framed::new(io, theirs::LinesCodec::new());
        assert_eq!(framed.next().await.unwrap().unwrap(), "one");
        framed.feed("sent").await.unwrap();
        let mut framed = compat::Framed::from_parts(framed.into_parts()).charge_to(&pool);
        assert_eq!(framed.write_buffer(), "sent\n");
        assert_eq!(framed.next().await.unwrap().unwrap(), "two");
        framed.feed("later").await.unwrap();
        let parts = framed.into_parts();
        assert_eq!(pool.leased(), 0, "parts are charged to nobody");
        let mut framed = compat::Framed::from_parts(parts).charge_to(&pool);
        assert_eq!(framed.next().await.unwrap().unwrap(), "three");
        assert!(framed.next().await.is_none());
        SinkExt::<&str>::flush(&mut framed).await.unwrap();
        assert_eq!(framed.get_ref().sent(), b"sent\nlater\n");
        assert_eq!(pool.leased(), 0);
    }
}

#[test]
fn bytes_that_were_put_into_parts_by_hand_are_decoded_first() {
    let pool = Pool::new(8 << 20).unwrap();
    let mut parts = ours::FramedParts::new(Faulty::new(" end\n"), ours::LinesCodec::new(), &pool);
    parts.read_buf.push("first\nand the");
    parts.write_buf.push("queued");
    let mut framed = ours::Framed::from_parts(parts);
    assert_eq!(next(&mut framed), frame(b"first"));
    assert_eq!(next(&mut framed), frame(b"and the end"));
    assert!(Sender::<&str>::flush_once(&mut framed).is_ready());
    assert_eq!(framed.get_ref().sent(), b"queued");

    let mut parts =
        compat::FramedParts::new::<&str>(Faulty::new(" end\n"), theirs::LinesCodec::new());
    parts.read_buf = BytesMut::from("first\nand the");
    parts.write_buf.put_slice(b"queued");
    let mut framed = compat::Framed::from_parts(parts).charge_to(&pool);
    assert_eq!(next(&mut framed), frame(b"first"));
    assert_eq!(next(&mut framed), frame(b"and the end"));
    assert!(Sender::<&str>::flush_once(&mut framed).is_ready());
    assert_eq!(framed.get_ref().sent(), b"queued");
    assert_eq!(pool.leased(), 0);
}
