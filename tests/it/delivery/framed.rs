//! `codec::Framed`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use leasehold::{
    Chain,
    codec::{Framed, LengthDelimitedCodec},
};
use tokio::{net::TcpStream, time::timeout};

use crate::delivery::{LARGE, large, pair, pool, read_exactly, reading, soon};

type Frames = Framed<TcpStream, LengthDelimitedCodec>;

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(LARGE).new_codec()
}

async fn frames() -> (leasehold::Pool, Frames, TcpStream) {
    let pool = pool();
    let (near, far) = pair().await;
    (pool.clone(), Framed::new(near, codec(), &pool), far)
}

#[tokio::test]
async fn send_has_written_its_frame_and_all_before_it() {
    let (pool, mut framed, mut far) = frames().await;
    SinkExt::<Chain>::feed(&mut framed, Bytes::from("first").into()).await.unwrap();
    framed.send(Chain::from(Bytes::from("last"))).await.unwrap();
    assert_eq!(read_exactly(&mut far, 17).await, b"\0\0\0\x05first\0\0\0\x04last");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn flush_has_written_all_that_was_taken() {
    let (pool, mut framed, far) = frames().await;
    SinkExt::<Chain>::feed(&mut framed, large()).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), SinkExt::<Chain>::flush(&mut framed)).await.is_err(),
        "the peer does not read"
    );
    let read = reading(far);
    soon(SinkExt::<Chain>::flush(&mut framed)).await.unwrap();
    drop(framed);
    assert_eq!(soon(read).await.unwrap().len(), 4 + LARGE);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn close_writes_all_that_was_taken_and_shuts_down() {
    let (pool, mut framed, far) = frames().await;
    SinkExt::<Chain>::feed(&mut framed, large()).await.unwrap();
    let read = reading(far);
    soon(SinkExt::<Chain>::close(&mut framed)).await.unwrap();
    assert_eq!(
        soon(read).await.unwrap().len(),
        4 + LARGE,
        "the end comes while the transport is still there"
    );
    drop(framed);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_drop_loses_what_is_not_written() {
    let (pool, mut framed, far) = frames().await;
    SinkExt::<Chain>::feed(&mut framed, large()).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), SinkExt::<Chain>::flush(&mut framed)).await.is_err()
    );
    drop(framed);
    let read = soon(reading(far)).await.unwrap().len();
    assert!((1..4 + LARGE).contains(&read), "a part of a frame, and the end: {read}");
    assert_eq!(pool.leased(), 0);
}
