//! `Reader`: a codec of either crate and the bytes it reads, driven as tokio-util's `Framed` drives
//! one.

use std::fmt;

use bytes::BytesMut;
use leasehold::{Chain, ChainMut, codec as ours};
use tokio_util::codec as theirs;

use super::{
    cut::cuttings,
    fault::Fault,
    feed::{Feed, Feeds},
};

/// What comes of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Frame(Vec<u8>),
    Fault(Fault),
    /// There is no more until the next read; these bytes wait for it.
    Left(Vec<u8>),
    End,
}

/// One codec, one buffer.
trait Reader {
    fn add(&mut self, bytes: &[u8]);
    fn decode(&mut self) -> Result<Option<Vec<u8>>, Fault>;
    fn decode_eof(&mut self) -> Result<Option<Vec<u8>>, Fault>;
    fn left(&self) -> Vec<u8>;

    /// All that comes of `pieces`, an end, the same pieces again and another end.
    fn events(&mut self, pieces: &[&[u8]]) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..2 {
            for piece in pieces {
                self.add(piece);
                self.drain(&mut events, Self::decode);
            }
            self.drain(&mut events, Self::decode_eof);
            events.push(Event::End);
        }
        events
    }

    /// Frames until there is none, or an error: a `Framed` then says `None` once and reads on.
    fn drain(
        &mut self,
        events: &mut Vec<Event>,
        mut decode: impl FnMut(&mut Self) -> Result<Option<Vec<u8>>, Fault>,
    ) {
        let mut left = self.left();
        loop {
            match decode(self) {
                Ok(Some(frame)) => events.push(Event::Frame(frame)),
                Ok(None) => break,
                Err(fault) => {
                    events.push(Event::Fault(fault));
                    break;
                }
            }
            let before = std::mem::replace(&mut left, self.left());
            if left == before {
                break; // An empty frame that takes no byte comes for ever.
            }
        }
        events.push(Event::Left(self.left()));
    }
}

struct Theirs<D> {
    codec: D,
    src: BytesMut,
}

impl<D> Reader for Theirs<D>
where
    D: theirs::Decoder<Item: AsRef<[u8]>, Error: Into<Fault>>,
{
    fn add(&mut self, bytes: &[u8]) {
        self.src.extend_from_slice(bytes);
    }

    fn decode(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let decoded = self.codec.decode(&mut self.src).map_err(Into::into)?;
        Ok(decoded.map(|frame| frame.as_ref().to_vec()))
    }

    fn decode_eof(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let decoded = self.codec.decode_eof(&mut self.src).map_err(Into::into)?;
        Ok(decoded.map(|frame| frame.as_ref().to_vec()))
    }

    fn left(&self) -> Vec<u8> {
        self.src.to_vec()
    }
}

struct Ours<D> {
    codec: D,
    src: ChainMut,
    feed: Feed,
}

impl<D> Reader for Ours<D>
where
    D: ours::Decoder<Item: Frame, Error: Into<Fault>>,
{
    fn add(&mut self, bytes: &[u8]) {
        self.feed.add(&mut self.src, bytes);
    }

    fn decode(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let decoded = self.codec.decode(&mut self.src).map_err(Into::into)?;
        Ok(decoded.map(Frame::into_vec))
    }

    fn decode_eof(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let decoded = self.codec.decode_eof(&mut self.src).map_err(Into::into)?;
        Ok(decoded.map(Frame::into_vec))
    }

    fn left(&self) -> Vec<u8> {
        self.src.chunks().flatten().copied().collect()
    }
}

/// What our decoders make.
pub(crate) trait Frame {
    fn into_vec(self) -> Vec<u8>;
}

impl Frame for Chain {
    fn into_vec(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Frame for String {
    fn into_vec(self) -> Vec<u8> {
        self.into_bytes()
    }
}

/// Reads `stream` with both codecs, in every cutting and by every feed.
pub(crate) fn assert_same<T, O>(feeds: &Feeds, theirs: &T, ours: &O, stream: &[u8])
where
    T: theirs::Decoder<Item: AsRef<[u8]>, Error: Into<Fault>> + Clone,
    O: ours::Decoder<Item: Frame, Error: Into<Fault>> + Clone + fmt::Debug,
{
    for pieces in cuttings(stream) {
        assert_same_pieces(feeds, theirs, ours, &pieces);
    }
}

/// Reads `pieces` with both codecs, by every feed.
pub(crate) fn assert_same_pieces<T, O>(feeds: &Feeds, theirs: &T, ours: &O, pieces: &[&[u8]])
where
    T: theirs::Decoder<Item: AsRef<[u8]>, Error: Into<Fault>> + Clone,
    O: ours::Decoder<Item: Frame, Error: Into<Fault>> + Clone + fmt::Debug,
{
    let expected = Theirs { codec: theirs.clone(), src: BytesMut::new() }.events(pieces);
    for feed in Feeds::ALL {
        let events = Ours { codec: ours.clone(), src: feeds.chain(feed), feed }.events(pieces);
        assert_eq!(events, expected, "{ours:?} reads {pieces:?} by {feed:?}");
        feeds.assert_all_home();
    }
}
