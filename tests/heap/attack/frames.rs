//! A server of length-delimited frames.

use std::{
    io,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use bytes::Buf;
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Account, Chain,
    codec::{Framed, LengthDelimitedCodec, length_delimited::Builder},
};
use tokio::{net::TcpStream, time::timeout};

use crate::attack::{
    neighbour::{ECHO, Exchange},
    shelf::{Keep, Shelf},
    site::Site,
    wire::frame,
};

/// How long a frame may take.
pub(crate) const FRAME_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that echoes frames, in accounts of at most `limit` bytes.
pub(crate) fn echoing(limit: usize) -> Site {
    site(limit, &LengthDelimitedCodec::builder(), echo)
}

/// A server that keeps frames, but for those that it is to echo; and how many it has.
pub(crate) fn keeping(limit: usize, keep: Keep) -> (Site, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let kept = Arc::clone(&count);
    let site = site(limit, &LengthDelimitedCodec::builder(), move |framed, account| {
        keep_all(framed, Shelf::new(keep, &account, &kept))
    });
    (site, count)
}

/// A server of frames whose connections are `handle`d.
pub(crate) fn site<H, F>(limit: usize, codec: &Builder, handle: H) -> Site
where
    H: Fn(Framed<TcpStream, LengthDelimitedCodec>, Account) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let codec = *codec;
    let wide = codec.new_codec().max_frame_length() >= u32::MAX as usize;
    let exchange =
        Exchange::echo(
            |payload| if wide { [&[0; 4], &frame(payload)[..]].concat() } else { frame(payload) },
        );
    Site::of(exchange, limit, move |stream, account| {
        handle(codec.new_framed(stream, &account), account)
    })
}

/// Until the peer ends, or does not go on with a frame.
pub(crate) async fn echo(mut framed: Framed<TcpStream, LengthDelimitedCodec>, _account: Account) {
    while let Some(Ok(message)) = next(&mut framed).await {
        if framed.send(message).await.is_err() {
            return;
        }
    }
}

/// Until the peer ends.
pub(crate) async fn echo_patiently(
    mut framed: Framed<TcpStream, LengthDelimitedCodec>,
    _account: Account,
) {
    while let Some(Ok(message)) = framed.next().await {
        if framed.send(message).await.is_err() {
            return;
        }
    }
}

/// Until the peer ends; what is not to be echoed is for nobody.
pub(crate) async fn drop_most(
    mut framed: Framed<TcpStream, LengthDelimitedCodec>,
    _account: Account,
) {
    while let Some(Ok(message)) = framed.next().await {
        if is_to_be_echoed(&message) && framed.send(message).await.is_err() {
            return;
        }
    }
}

async fn keep_all(mut framed: Framed<TcpStream, LengthDelimitedCodec>, mut shelf: Shelf) {
    while let Some(Ok(message)) = framed.next().await {
        let kept = if is_to_be_echoed(&message) {
            framed.send(message).await.is_ok()
        } else {
            shelf.put(message).await.is_ok()
        };
        if !kept {
            return;
        }
    }
}

pub(crate) fn is_to_be_echoed(message: &Chain) -> bool {
    message.chunk().first() == Some(&ECHO)
}

/// The next frame; one that has begun has its time.
async fn next(framed: &mut Framed<TcpStream, LengthDelimitedCodec>) -> Option<io::Result<Chain>> {
    loop {
        match timeout(FRAME_TIMEOUT, framed.next()).await {
            Ok(next) => return next,
            Err(_) if framed.read_buffer().is_empty() => {}
            Err(late) => return Some(Err(late.into())),
        }
    }
}
