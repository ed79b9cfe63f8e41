//! Framed transports: each sends three items and receives three, in turns.

use std::{io, task::Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use leasehold::{
    Chain, ChainMut,
    codec::{
        AnyDelimiterCodec, ChainCodec, Decoder, Encoder, Framed, FramedRead, FramedWrite,
        LengthDelimitedCodec, LinesCodec, compat,
    },
};
use tokio::io::AsyncReadExt;
use tokio_util::codec as theirs;

use crate::{
    place::Place,
    plan::Plan,
    site::{Awaited, CutOff, Done, Failure, Site, again, beside, is_refusal, retry, say},
    transport::once,
};

const ITEMS: usize = 3;

/// A codec of the user's, around one of ours.
struct Users<C> {
    codec: C,
    plan: std::sync::Arc<Plan>,
}

impl<C> Users<C> {
    fn new<P>(codec: C, site: &Site<P>) -> Self {
        Self { codec, plan: site.plan.clone() }
    }
}

impl<C: Decoder> Decoder for Users<C> {
    type Item = C::Item;
    type Error = C::Error;

    fn decode(&mut self, src: &mut ChainMut) -> Result<Option<C::Item>, C::Error> {
        self.plan.user_code();
        self.codec.decode(src)
    }

    fn decode_eof(&mut self, src: &mut ChainMut) -> Result<Option<C::Item>, C::Error> {
        self.plan.user_code();
        self.codec.decode_eof(src)
    }
}

impl<I, C: Encoder<I>> Encoder<I> for Users<C> {
    type Error = C::Error;

    fn encode(&mut self, item: I, dst: &mut ChainMut) -> Result<(), C::Error> {
        self.plan.user_code();
        self.codec.encode(item, dst)
    }

    fn head_room(&self) -> usize {
        self.codec.head_room()
    }
}

impl<C: theirs::Decoder> theirs::Decoder for Users<C> {
    type Item = C::Item;
    type Error = C::Error;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<C::Item>, C::Error> {
        self.plan.user_code();
        self.codec.decode(src)
    }
}

impl<I, C: theirs::Encoder<I>> theirs::Encoder<I> for Users<C> {
    type Error = C::Error;

    fn encode(&mut self, item: I, dst: &mut BytesMut) -> Result<(), C::Error> {
        self.plan.user_code();
        self.codec.encode(item, dst)
    }
}

/// The next item; whatever was dropped or refused before it came, it comes.
async fn next<P: Place, T, E>(
    site: &Site<P>,
    stream: &mut (impl Stream<Item = Result<T, E>> + Unpin),
) -> Result<Option<T>, Failure>
where
    E: Into<io::Error>,
{
    let mut was_refused = false;
    loop {
        match again!(site, stream.next()) {
            // An error of a codec is that of the transport again, as an `io::Error`.
            Some(Err(error)) => match error.into() {
                error if is_refusal(&error) => was_refused = true,
                error => return Err(error.into()),
            },
            // After an error there is a `None`, which is no end.
            None if was_refused => {
                was_refused = false;
                tokio::task::yield_now().await;
            }
            None => return Ok(None),
            Some(Ok(item)) => return Ok(Some(item)),
        }
    }
}

/// Sends an item and flushes; whatever was dropped or refused before it was taken.
async fn put<P: Place, I, E>(
    site: &Site<P>,
    sink: &mut (impl Sink<I, Error = E> + Unpin),
    item: I,
) -> Done
where
    I: Clone,
    E: Into<io::Error>,
{
    retry!(site, async { sink.feed(item.clone()).await.map_err(Into::into) })?;
    again!(site, sink.flush()).map_err(Into::into)?;
    Ok(())
}

/// The peer's part: it says items as they are on the wire, and hears the same.
async fn echoed<P: Place>(mut far: P::Far, wire: Vec<Vec<u8>>) -> Done {
    for item in wire {
        say(&mut far, &item).await?;
        let (mut awaited, mut room) = (Awaited::new(item), [0; 700]);
        while awaited.left() > 0 {
            let len = room.len().min(awaited.left());
            let count = far.read(&mut room[..len]).await.map_err(|_| CutOff)?;
            if count == 0 {
                return Err(CutOff.into());
            }
            awaited.take(&room[..count]);
        }
    }
    Ok(())
}

/// What an item is on the wire.
fn wire<P: Place>(site: &Site<P>, encode: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..ITEMS).map(|number| encode(site.content(number))).collect()
}

pub(super) fn with_length(item: Vec<u8>) -> Vec<u8> {
    [&(item.len() as u32).to_be_bytes()[..], &item].concat()
}

pub(super) fn with_newline(item: Vec<u8>) -> Vec<u8> {
    [&item[..], b"\n"].concat()
}

/// Echoes all items. `I` is what is sent, made of what was received.
async fn echo<P: Place, F, T, I, E>(
    site: &Site<P>,
    mut framed: F,
    bytes: fn(&T) -> Vec<u8>,
    reply: impl Fn(T, usize) -> I,
) -> Done
where
    F: Stream<Item = Result<T, E>> + Sink<I, Error = E> + Unpin,
    I: Clone,
    E: Into<io::Error>,
{
    for number in 0..ITEMS {
        let item = next(site, &mut framed).await?.ok_or(CutOff)?;
        assert!(bytes(&item) == site.content(number), "a whole item");
        put(site, &mut framed, reply(item, number)).await?;
    }
    assert!(next(site, &mut framed).await?.is_none(), "and no more");
    again!(site, framed.close()).map_err(Into::into)?;
    Ok(())
}

pub(super) async fn length_delimited<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let framed = Framed::new(near, Users::new(LengthDelimitedCodec::new(), &site), &site.pool);
    let near = async { echo(&site, framed, Chain::to_vec, |item, _| item).await };
    beside(near, echoed::<P>(far, wire(&site, with_length))).await
}

/// In an account that is full for a while.
pub(super) async fn short<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let account = site.pool.account("short", 8 << 10);
    let held = retry!(site, async { account.try_chain(8 << 10) })?;
    let mut framed = Framed::new(near, Users::new(LinesCodec::new(), &site), &account);
    let near = async {
        // An item that waits for memory is given up by a flush, and so is its place in the line.
        let fed = once(framed.feed(String::new())).await;
        assert!(!matches!(fed, Poll::Ready(Ok(()))), "there is no memory");
        again!(site, SinkExt::<String>::flush(&mut framed)).map_err(io::Error::from)?;
        assert_eq!(site.pool.stats().waiting, 0);
        drop(held);
        echo(&site, framed, |line: &String| line.clone().into_bytes(), |line, _| line).await
    };
    beside(near, echoed::<P>(far, wire(&site, with_newline))).await
}

pub(super) async fn lines<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let framed = Framed::new(near, Users::new(LinesCodec::new(), &site), &site.pool);
    let near = async {
        echo(&site, framed, |line: &String| line.clone().into_bytes(), |line, _| line).await
    };
    beside(near, echoed::<P>(far, wire(&site, with_newline))).await
}

pub(super) async fn any_delimiter<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let codec = AnyDelimiterCodec::new(b"\n;", b"\n");
    let framed = Framed::new(near, Users::new(codec, &site), &site.pool);
    let near = async { echo(&site, framed, Chain::to_vec, |item, _| item).await };
    beside(near, echoed::<P>(far, wire(&site, with_newline))).await
}

pub(super) async fn chains<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let mut framed = Framed::new(near, Users::new(ChainCodec::new(), &site), &site.pool);
    let site = &site;
    let near = async move {
        let mut awaited =
            Awaited::new((0..ITEMS).flat_map(|number| site.content(number)).collect::<Vec<_>>());
        while let Some(chain) = next(site, &mut framed).await? {
            awaited.take(&chain.to_vec());
            put(site, &mut framed, chain).await?;
        }
        again!(site, SinkExt::<Chain>::close(&mut framed))?;
        awaited.end()
    };
    beside(near, echoed::<P>(far, wire(site, |item| item))).await
}

pub(super) async fn halves<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let (reader, writer) = tokio::io::split(near);
    let mut frames =
        FramedRead::new(reader, Users::new(LengthDelimitedCodec::new(), &site), &site.pool);
    let mut sink =
        FramedWrite::new(writer, Users::new(LengthDelimitedCodec::new(), &site), &site.pool);
    let site = &site;
    let near = async move {
        for number in 0..ITEMS {
            let item = next(site, &mut frames).await?.ok_or(CutOff)?;
            assert!(item.to_vec() == site.content(number), "a whole item");
            put(site, &mut sink, site.owned(number)).await?;
        }
        again!(site, SinkExt::<Bytes>::close(&mut sink))?;
        Ok(())
    };
    beside(near, echoed::<P>(far, wire(site, with_length))).await
}

pub(super) async fn compat<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let codec = Users::new(theirs::LengthDelimitedCodec::new(), &site);
    let framed = compat::Framed::new(near, codec).charge_to(&site.pool);
    let bytes = |item: &BytesMut| item.to_vec();
    let reply = |_: BytesMut, number| site.owned(number);
    let near = async { echo::<P, _, _, _, io::Error>(&site, framed, bytes, reply).await };
    beside(near, echoed::<P>(far, wire(&site, with_length))).await
}
