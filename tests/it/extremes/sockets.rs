//! What reads and writes.

use bytes::Bytes;
use http_body_util::BodyExt;
use leasehold::{
    Chain, ChainMut,
    http::ReaderBody,
    io::{ChainReader, Outbox, Policy, Relay, limit_unsent},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

#[tokio::test]
async fn reads_take_what_is_there() {
    let pool = pool();
    for most in LENS {
        let (mut near, mut far) = duplex(64 * KIB);
        near.write_all(&[7; 10_000]).await.expect("room");
        drop(near);
        let (mut chain_reader, mut chain) =
            (ChainReader::new().max_read(most), ChainMut::new(&pool));
        while chain_reader.read(&mut far, &mut chain).await.expect("memory") > 0 {}
        assert_eq!(chain.len(), 10_000);
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn relays_have_any_limit() {
    let pool = pool();
    for limit in LENS {
        let ((mut near, a), (b, mut far)) = (duplex(KIB), duplex(KIB));
        let relay = tokio::spawn(Relay::with_limit(a, b, &pool, limit));
        near.write_all(b"hello").await.expect("a relay");
        let mut heard = [0; 5];
        far.read_exact(&mut heard).await.expect("a relay");
        drop((near, far));
        assert_eq!(relay.await.expect("no panic").expect("an end"), (5, 0), "{limit}");
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn outboxes_have_any_marks() {
    for high in LENS {
        for low in LENS {
            for count in LENS {
                for policy in [Policy::Wait, Policy::Refuse, Policy::DropOldest, Policy::Close] {
                    let builder = Outbox::builder()
                        .max_queued(high)
                        .low_watermark(low)
                        .max_items(count)
                        .policy(policy);
                    let (outbox, _writer) = builder.channel();
                    assert!(
                        outbox.try_send(Bytes::from_static(b"alone")).is_ok(),
                        "an item is admitted alone"
                    );
                    let _ = outbox.try_send(Bytes::from_static(b"another"));
                    let _ = outbox.try_send(Chain::new());
                    assert!(outbox.queued() <= 2 * (64 + 7));
                }
            }
        }
    }
}

#[tokio::test]
async fn bodies_are_as_long_as_their_readers() {
    let pool = pool();
    for len in LENS.map(|len| len as u64).into_iter().chain([u64::MAX]) {
        for ahead in LENS {
            let body = ReaderBody::sized(&b"hello"[..], len, &pool).ahead(ahead);
            let collected = body.collect().await.map(|body| body.aggregate());
            assert_eq!(collected.is_ok(), len <= 5, "a reader that ends early is an error: {len}");
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_socket_has_any_limit_of_what_is_unsent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    for bytes in [0, 1, i32::MAX as u32, i32::MAX as u32 + 1, u32::MAX] {
        let (near, far) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let (mut near, mut far) = (near.expect("a connection"), far.expect("a connection").0);
        limit_unsent(&near, bytes).expect("an option of the system");
        near.write_all(b"hello").await.expect("room");
        drop(near);
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.expect("an end");
        assert_eq!(heard, b"hello", "{bytes}");
    }
}
