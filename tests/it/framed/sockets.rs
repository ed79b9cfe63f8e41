//! Real transports: frames of all sizes to a peer and back.

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use leasehold::{Chain, Pool, codec as ours, codec::compat};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec as theirs;

use crate::framed::{
    rivals::Content,
    transport::{pattern, sockets::tcp_pair},
};

const KIB: usize = 1 << 10;

const LENS: [usize; 12] = [
    0,
    1,
    4095,
    4096,
    4097,
    64 * KIB - 4,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    1 << 20,
    3 << 20,
    5,
];

fn pool() -> Pool {
    Pool::new(32 << 20).unwrap()
}

/// Answers every frame with itself, until the end.
async fn echo<S, I, J, E>(mut framed: S)
where
    S: Stream<Item = Result<I, E>> + Sink<J, Error = E> + Unpin,
    I: Into<J>,
    E: std::fmt::Debug,
{
    while let Some(frame) = framed.next().await {
        framed.send(frame.unwrap().into()).await.unwrap();
    }
    framed.close().await.unwrap();
}

/// Sends frames of all lengths at once, and compares what comes back.
async fn ask<S, I, E>(framed: S)
where
    S: Stream<Item = Result<I, E>> + Sink<Bytes, Error = E>,
    I: Content,
    E: std::fmt::Debug,
{
    let (mut sink, mut stream) = framed.split();
    let sending = async {
        for len in LENS {
            sink.feed(Bytes::from(pattern(len))).await.unwrap();
        }
        sink.close().await.unwrap();
    };
    let receiving = async {
        for len in LENS {
            let frame = stream.next().await.expect("a frame").unwrap();
            assert!(frame.content() == pattern(len), "{len} bytes");
        }
        assert!(stream.next().await.is_none());
    };
    tokio::join!(sending, receiving);
}

/// Ours to ours, and each to the rival and to the compatible one.
async fn assert_echoes<T, P>(pool: &Pool, pair: impl Fn() -> P)
where
    T: AsyncRead + AsyncWrite + Unpin,
    P: Future<Output = (T, T)>,
{
    let ours = |io: T| ours::Framed::new(io, ours::LengthDelimitedCodec::new(), pool);
    let compat =
        |io: T| compat::Framed::new(io, theirs::LengthDelimitedCodec::new()).charge_to(pool);
    let theirs = |io: T| theirs::Framed::new(io, theirs::LengthDelimitedCodec::new());
    let (near, far) = pair().await;
    tokio::join!(ask(ours(near)), echo::<_, _, Chain, _>(ours(far)));
    let (near, far) = pair().await;
    tokio::join!(ask(compat(near)), echo::<_, _, Bytes, _>(compat(far)));
    let (near, far) = pair().await;
    tokio::join!(ask(ours(near)), echo::<_, _, Bytes, _>(theirs(far)));
    assert_eq!((pool.leased(), pool.stats().waiting), (0, 0));
}

#[tokio::test]
async fn frames_of_all_sizes_go_over_tcp_and_back() {
    assert_echoes(&pool(), tcp_pair).await;
}

#[cfg(unix)]
#[tokio::test]
async fn frames_of_all_sizes_go_over_unix_sockets_and_back() {
    assert_echoes(&pool(), || async { tokio::net::UnixStream::pair().unwrap() }).await;
}

#[tokio::test]
async fn frames_of_all_sizes_go_over_a_duplex_and_back() {
    assert_echoes(&pool(), || async { tokio::io::duplex(10_000) }).await;
}

#[tokio::test]
async fn halves_of_a_socket_carry_frames_each_way() {
    let pool = pool();
    let (near, far) = tcp_pair().await;
    let echoing = tokio::spawn(echo::<_, _, Chain, _>(ours::Framed::new(
        far,
        ours::LengthDelimitedCodec::new(),
        &pool,
    )));
    let (reader, writer) = near.into_split();
    let mut stream = ours::FramedRead::new(reader, ours::LengthDelimitedCodec::new(), &pool);
    let mut sink = ours::FramedWrite::new(writer, ours::LengthDelimitedCodec::new(), &pool);
    let sending = async move {
        for len in LENS {
            sink.send(Bytes::from(pattern(len))).await.unwrap();
        }
        SinkExt::<Bytes>::close(&mut sink).await.unwrap();
    };
    let receiving = async move {
        for len in LENS {
            assert!(stream.next().await.expect("a frame").unwrap() == pattern(len)[..]);
        }
        assert!(stream.next().await.is_none());
    };
    tokio::join!(sending, receiving);
    echoing.await.unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_echo_stays_within_its_account() {
    let pool = pool();
    // What one poll reads, and some more: what is to be sent back is held while the sink gets room
    // for its head.
    let account = pool.account("peer", 1280 * KIB);
    let (near, far) = tcp_pair().await;
    let far = ours::Framed::new(far, ours::ChainCodec::new(), &account);
    let near = ours::Framed::new(near, ours::ChainCodec::new(), &pool);
    let echoing = tokio::spawn(echo::<_, _, Chain, _>(far));
    let (mut sink, mut stream) = near.split();
    let sending = async {
        sink.send(Bytes::from(pattern(5 << 20))).await.unwrap();
        sink.close().await.unwrap();
    };
    let receiving = async {
        let mut got = Vec::new();
        while let Some(chain) = stream.next().await {
            got.extend_from_slice(&chain.unwrap().to_vec());
        }
        assert!(got == pattern(5 << 20));
    };
    tokio::join!(sending, receiving);
    echoing.await.unwrap();
    assert!(account.peak() <= 1280 * KIB);
    drop((sink, stream));
    assert_eq!((account.leased(), pool.leased()), (0, 0));
}
