//! Codecs: what a peer announces, and what they are set to.

use bytes::{BufMut, Bytes};
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    ChainMut,
    codec::{
        self, AnyDelimiterCodec, ChainCodec, Decoder, Encoder, LengthDelimitedCodec, LinesCodec,
    },
};

use super::*;

#[test]
fn announced_lengths_are_waited_for_or_refused_and_lease_nothing() {
    let pool = pool();
    let mut refused = 0;
    for field_len in 1..=8 {
        for announced in
            LENS.map(|len| len as u64).into_iter().chain([u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32])
        {
            for most in LENS {
                for adjustment in [isize::MIN, isize::MIN + 1, -1, 0, 1, isize::MAX - 1, isize::MAX]
                {
                    for is_little in [false, true] {
                        let mut builder = LengthDelimitedCodec::builder();
                        builder
                            .length_field_length(field_len)
                            .max_frame_length(most)
                            .length_adjustment(adjustment);
                        let mut codec =
                            if is_little { builder.little_endian() } else { &mut builder }
                                .new_codec();
                        let mut src = ChainMut::new(&pool);
                        let field = if is_little {
                            announced.to_le_bytes()
                        } else {
                            announced.to_be_bytes()
                        };
                        let field =
                            if is_little { &field[..field_len] } else { &field[8 - field_len..] };
                        src.push(Bytes::copy_from_slice(field));
                        match codec.decode(&mut src) {
                            Ok(frame) => assert!(frame.is_none_or(|frame| frame.is_empty())),
                            Err(_) => refused += 1,
                        }
                        assert_eq!(pool.leased(), 0);
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn lengths_to_send_fit_their_field_or_are_refused() {
    let pool = pool();
    for field_len in 1..=8 {
        for most in LENS {
            for adjustment in [isize::MIN, -70_000, -1, 0, 1, 70_000, isize::MAX] {
                let mut codec = LengthDelimitedCodec::builder()
                    .length_field_length(field_len)
                    .max_frame_length(most)
                    .length_adjustment(adjustment)
                    .new_codec();
                for payload in [0, 1, 255, 256, 65_536] {
                    let mut dst = ChainMut::new(&pool);
                    let is_sent = codec.encode(Bytes::from(vec![0; payload]), &mut dst).is_ok();
                    assert_eq!(dst.len(), if is_sent { field_len + payload } else { 0 });
                }
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn heads_may_lie_anywhere() {
    let pool = pool();
    for at in LENS {
        for skip in LENS {
            let mut codec =
                LengthDelimitedCodec::builder().length_field_offset(at).num_skip(skip).new_codec();
            let head_len = at.saturating_add(4).min(u32::MAX as usize).max(skip);
            let mut dst = ChainMut::new(&pool);
            let is_sent = codec.encode(Bytes::new(), &mut dst).is_ok();
            assert_eq!(
                (is_sent, dst.len()),
                if head_len <= 64 << 10 { (true, head_len) } else { (false, 0) }
            );
            let mut src = pool.try_chain(100).expect("room");
            src.put_bytes(0, 64);
            let frame = codec.decode(&mut src);
            if at <= 60 && skip < at + 4 {
                assert!(frame.is_err(), "no frame is shorter than the head it keeps: {at}, {skip}");
                continue;
            }
            let frame = frame.expect("no length, or one of 0");
            assert_eq!(frame.is_some(), at <= 60 && skip <= 64, "{at}, {skip}");
        }
    }
    for len in LENS {
        let is_field = (1..=8).contains(&len);
        assert_eq!(
            panics(|| LengthDelimitedCodec::builder().length_field_length(len).new_codec()),
            !is_field
        );
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn lines_have_any_limit() {
    let pool = pool();
    for most in LENS {
        let src = || {
            let mut src = pool.try_chain(100).expect("room");
            src.put_slice(b"hello\nworld\n");
            src
        };
        let line = LinesCodec::new_with_max_length(most).decode(&mut src());
        assert_eq!(line.is_ok_and(|line| line.is_some()), most >= 5, "{most}");
        let line = AnyDelimiterCodec::new_with_max_length(*b",\n", *b"\n", most).decode(&mut src());
        assert_eq!(line.is_ok_and(|line| line.is_some()), most >= 5, "{most}");
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn queues_of_frames_have_any_boundary() {
    let pool = pool();
    for boundary in LENS {
        let (near, far) = tokio::io::duplex(KIB);
        let mut sink = codec::FramedWrite::new(near, ChainCodec::new(), &pool);
        sink.set_backpressure_boundary(boundary);
        assert!(sink.backpressure_boundary() == boundary || boundary > u32::MAX as usize - 1);
        let mut stream =
            codec::compat::Framed::with_capacity(far, tokio_util::codec::BytesCodec::new(), 1);
        stream.set_backpressure_boundary(boundary);
        for _ in 0..3 {
            sink.feed(Bytes::from_static(b"hello")).await.expect("a reader");
        }
        SinkExt::<Bytes>::flush(&mut sink).await.expect("a reader");
        drop(sink);
        let mut heard = 0;
        while let Some(bytes) = stream.next().await {
            heard += bytes.expect("bytes").len();
        }
        assert_eq!(heard, 15);
    }
    assert_eq!(pool.leased(), 0);
}
