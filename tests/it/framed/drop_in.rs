//! Only the import changes: the same function bodies, compiled with tokio-util's `Framed` and with
//! the compatible one.

/// What somebody wrote against tokio-util.
macro_rules! written_against_tokio_util {
    ($name:ident, $($import:tt)+) => {
        mod $name {
            use std::{io, pin::Pin, task::{Context, Poll}};

            use bytes::{Buf, Bytes, BytesMut};
            use futures_util::{Sink, SinkExt, Stream, StreamExt, stream::{SplitSink, SplitStream}};
            use tokio::io::DuplexStream;
            use tokio_util::codec::{BytesCodec, Decoder, Encoder, LengthDelimitedCodec, LinesCodec};
            use $($import)+::{Framed, FramedParts, FramedRead, FramedWrite};

            /// In a type of the user's, with bounds of the user's.
            #[derive(Debug)]
            struct Connection {
                framed: Framed<DuplexStream, LengthDelimitedCodec>,
            }

            impl Stream for Connection {
                type Item = io::Result<BytesMut>;

                fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                    Pin::new(&mut self.framed).poll_next(cx)
                }
            }

            fn assert_traits<T: Send + Sync + Unpin + std::fmt::Debug>(_: &T) {}

            /// A decoder that encodes nothing.
            struct Pairs;

            impl Decoder for Pairs {
                type Item = u16;
                type Error = io::Error;

                fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<u16>> {
                    Ok((src.len() >= 2).then(|| src.get_u16()))
                }
            }

            impl Encoder<u16> for Pairs {
                type Error = io::Error;

                fn encode(&mut self, item: u16, dst: &mut BytesMut) -> io::Result<()> {
                    dst.extend_from_slice(&item.to_be_bytes());
                    Ok(())
                }
            }

            async fn split(framed: Framed<DuplexStream, BytesCodec>) -> Vec<u8> {
                type Whole = Framed<DuplexStream, BytesCodec>;
                let (mut sink, mut stream): (SplitSink<Whole, Bytes>, SplitStream<Whole>) = framed.split();
                sink.send(Bytes::from_static(b"split")).await.unwrap();
                sink.close().await.unwrap();
                let mut got = Vec::new();
                while let Some(bytes) = stream.next().await {
                    got.extend_from_slice(&bytes.unwrap());
                }
                let whole = sink.reunite(stream).unwrap();
                assert!(whole.write_buffer().is_empty());
                got
            }

            pub(super) async fn run() -> Vec<String> {
                let mut seen = Vec::new();
                let (near, far) = tokio::io::duplex(4096);
                let mut far = Framed::new(far, LinesCodec::new());
                let mut near = Framed::with_capacity(near, LinesCodec::new_with_max_length(100), 64);
                seen.push(format!("{} {}", near.backpressure_boundary(), far.backpressure_boundary()));
                near.set_backpressure_boundary(5);
                seen.push(near.backpressure_boundary().to_string());
                assert_traits(&near);
                seen.push(format!("{} {}", near.codec().max_length(), near.get_ref().is_write_vectored_here()));
                *near.codec_mut() = LinesCodec::new_with_max_length(200);
                let _: &mut DuplexStream = near.get_mut();
                let _: Pin<&mut DuplexStream> = Pin::new(&mut near).get_pin_mut();
                seen.push(Pin::new(&mut near).codec_pin_mut().max_length().to_string());

                near.send("one").await.unwrap();
                near.feed("two").await.unwrap();
                seen.push(format!("{:?} {:?}", near.write_buffer(), near.read_buffer()));
                near.write_buffer_mut().extend_from_slice(b"three\n");
                SinkExt::<&str>::flush(&mut near).await.unwrap();
                for _ in 0..3 {
                    seen.push(far.next().await.unwrap().unwrap());
                }
                far.read_buffer_mut().extend_from_slice(b"ignored until more is read, ");
                near.send("four").await.unwrap();
                seen.push(far.next().await.unwrap().unwrap());

                // Another codec in the middle.
                let mut near = near.map_codec(|_| LengthDelimitedCodec::new());
                near.send(Bytes::from_static(b"five")).await.unwrap();
                let far = far.map_codec(|_| LengthDelimitedCodec::new());
                let mut far = Connection { framed: far };
                seen.push(format!("{:?}", far.next().await.unwrap().unwrap()));
                let parts: FramedParts<DuplexStream, LengthDelimitedCodec> = far.framed.into_parts();
                let mut new = FramedParts::new::<u16>(parts.io, Pairs);
                new.read_buf = parts.read_buf;
                new.write_buf = parts.write_buf;
                new.read_buf.extend_from_slice(b"\x01\x02\x03");
                let mut far = Framed::from_parts(new);
                near.get_mut().write_some(b"\x04").await;
                seen.push(format!("{:?} {:?}", far.next().await.unwrap().unwrap(), far.next().await.unwrap().unwrap()));
                far.send(7).await.unwrap();
                SinkExt::<u16>::close(&mut far).await.unwrap();
                let mut near = near.map_codec(|_| BytesCodec::new());
                seen.push(format!("{:?}", near.next().await.unwrap().unwrap()));
                assert!(near.next().await.is_none() && near.next().await.is_none());
                let _: DuplexStream = near.into_inner();

                let (near, far) = tokio::io::duplex(64);
                let echo = async {
                    let (sink, stream) = Framed::new(far, BytesCodec::new()).split();
                    stream.map(|bytes| bytes.map(BytesMut::freeze)).forward(sink).await.unwrap();
                };
                let (got, ()) = tokio::join!(split(Framed::new(near, BytesCodec::new())), echo);
                seen.push(format!("{got:?}"));
                seen
            }

            /// The two halves of a connection, each with a codec of its own.
            pub(super) async fn halves() -> Vec<String> {
                let mut seen = Vec::new();
                let (near, far) = tokio::io::duplex(4096);
                let (reading, writing) = tokio::io::split(near);
                let mut lines = FramedRead::with_capacity(reading, LinesCodec::new_with_max_length(9), 64);
                let mut out = FramedWrite::with_capacity(writing, LinesCodec::new(), 32);
                let mut far = Framed::new(far, LinesCodec::new());
                assert_traits(&lines);
                assert_traits(&out);
                seen.push(format!("{} {}", lines.decoder().max_length(), out.encoder().max_length()));
                *lines.decoder_mut() = LinesCodec::new_with_max_length(5);
                *out.encoder_mut() = LinesCodec::new_with_max_length(7);
                seen.push(Pin::new(&mut lines).decoder_pin_mut().max_length().to_string());
                seen.push(Pin::new(&mut out).encoder_pin_mut().max_length().to_string());
                seen.push(out.backpressure_boundary().to_string());
                out.set_backpressure_boundary(3);
                seen.push(out.backpressure_boundary().to_string());

                out.feed("one").await.unwrap();
                seen.push(format!("{:?}", out.write_buffer()));
                out.write_buffer_mut().extend_from_slice(b"two\n");
                SinkExt::<&str>::flush(&mut out).await.unwrap();
                for _ in 0..2 {
                    seen.push(far.next().await.unwrap().unwrap());
                }
                far.send("three").await.unwrap();
                seen.push(lines.next().await.unwrap().unwrap());
                lines.read_buffer_mut().extend_from_slice(b"kept, ");
                seen.push(format!("{:?}", lines.read_buffer()));
                far.send("four").await.unwrap();

                // Other codecs in the middle.
                let mut bytes = lines.map_decoder(|_| BytesCodec::new());
                seen.push(format!("{:?}", bytes.next().await.unwrap().unwrap()));
                let _ = bytes.get_ref();
                let _ = bytes.get_mut();
                let _ = Pin::new(&mut bytes).get_pin_mut();
                let mut out = out.map_encoder(|_| BytesCodec::new());
                out.send(Bytes::from_static(b"four\n")).await.unwrap();
                seen.push(far.next().await.unwrap().unwrap());
                let _ = out.get_ref();
                let _ = out.get_mut();
                let _ = Pin::new(&mut out).get_pin_mut();
                let parts = bytes.into_parts();
                seen.push(format!("{:?} {:?}", parts.read_buf, parts.write_buf));
                let whole = parts.io.unsplit(out.into_inner());
                let mut out = FramedWrite::new(FramedRead::new(whole, BytesCodec::new()).into_inner(), BytesCodec::new());
                out.feed(Bytes::from_static(b"five\n")).await.unwrap();
                SinkExt::<Bytes>::close(&mut out).await.unwrap();
                seen.push(far.next().await.unwrap().unwrap());
                assert!(far.next().await.is_none());
                let parts = out.into_parts();
                seen.push(format!("{:?}", parts.write_buf));

                // A transport that is framed already: each is what the other one is around.
                let framed = Framed::new(parts.io, BytesCodec::new());
                let mut around = Wrapped(framed);
                around.ask().await;
                seen
            }

            /// A reader around what is a sink, as stacks of codecs have it.
            struct Wrapped(Framed<DuplexStream, BytesCodec>);

            impl Wrapped {
                async fn ask(&mut self) {
                    fn is_sink<T: Sink<Bytes>>(_: &T) {}
                    fn is_stream<T: Stream>(_: &T) {}
                    is_sink(&FramedRead::new(&mut self.0, LinesCodec::new()));
                    is_stream(&FramedWrite::new(&mut self.0, LinesCodec::new()));
                }
            }

            /// What a transport of the user's can do.
            trait Transport {
                fn is_write_vectored_here(&self) -> bool;
                fn write_some(&mut self, bytes: &[u8]) -> impl Future<Output = ()>;
            }

            impl Transport for DuplexStream {
                fn is_write_vectored_here(&self) -> bool {
                    tokio::io::AsyncWrite::is_write_vectored(self)
                }

                async fn write_some(&mut self, bytes: &[u8]) {
                    tokio::io::AsyncWriteExt::write_all(self, bytes).await.unwrap();
                }
            }

            /// Generic over what `Framed` is a sink of.
            #[expect(dead_code, reason = "that it compiles is the test")]
            async fn send_any<C, I>(framed: &mut Framed<DuplexStream, C>, item: I) -> Result<(), <C as Encoder<I>>::Error>
            where
                C: Encoder<I> + Unpin,
            {
                let _: &dyn Sink<I, Error = <C as Encoder<I>>::Error> = &*framed;
                framed.send(item).await
            }
        }
    };
}

written_against_tokio_util!(theirs, tokio_util::codec);
written_against_tokio_util!(ours, leasehold::codec::compat);

#[tokio::test]
async fn only_the_import_changes() {
    let expected = theirs::run().await;
    assert!(expected.len() > 10);
    assert_eq!(ours::run().await, expected);
    let expected = theirs::halves().await;
    assert!(expected.len() > 10);
    assert_eq!(ours::halves().await, expected);
}
