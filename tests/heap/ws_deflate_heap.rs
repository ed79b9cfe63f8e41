//! Sockets that compress hold little more than others, and (de)compressors what is reserved for
//! them: counted on the heap.

use crate::support::heap;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use flate2::{Compress, Compression, FlushCompress};
use heap::live;
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
use leasehold::{
    Pool,
    ws::{Deflate, Message, Role, WebSocket},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const SOCKETS: usize = 1_000;

/// Has sent some bytes and says no more; takes everything.
struct Peer(&'static [u8]);

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.0.split_at(self.0.len().min(buf.remaining()));
        buf.put_slice(now);
        self.0 = later;
        if now.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Text, and frames of a client with it: as it is, and compressed.
struct Traffic {
    text: &'static str,
    plain: &'static [u8],
    compressed: &'static [u8],
}

impl Traffic {
    fn new() -> Self {
        let text: String =
            (0..10_000_u32).map(|at| char::from(b'a' + (at * at / 7 % 23) as u8)).collect();
        let mut payload = Vec::with_capacity(20_000);
        let mut stream = Compress::new(Compression::new(6), false);
        stream
            .compress_vec(text.as_bytes(), &mut payload, FlushCompress::Sync)
            .expect("it compresses");
        payload.truncate(payload.len() - 4);
        Self {
            plain: frame(0x81, text.as_bytes()),
            compressed: frame(0xc1, &payload),
            text: text.leak(),
        }
    }
}

/// A frame that is masked with zeros, and kept for good.
fn frame(first: u8, payload: &[u8]) -> &'static [u8] {
    let head = [first, 0x80 | 126, (payload.len() >> 8) as u8, payload.len() as u8, 0, 0, 0, 0];
    [&head[..], payload].concat().leak()
}

/// Bytes of heap that sockets hold after a message each way, all together.
async fn held(pool: &Pool, deflate: Option<&Deflate>, traffic: &Traffic) -> isize {
    let offer: HeaderMap =
        [(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"))]
            .into_iter()
            .collect();
    let peer = if deflate.is_some() { traffic.compressed } else { traffic.plain };
    let before = live();
    let mut sockets = Vec::with_capacity(SOCKETS);
    let of_vector = live() - before;
    for _ in 0..SOCKETS {
        let mut socket = WebSocket::new(Peer(peer), Role::Server, pool);
        if let Some(deflate) = deflate {
            socket = socket.with_deflate(deflate.answer(&offer).expect("it is taken").0);
        }
        let message = socket.recv().await.expect("a message").expect("it is whole");
        assert_eq!(message, Message::from(traffic.text));
        socket.send(traffic.text).await.expect("it is sent");
        sockets.push(socket);
    }
    assert_eq!(pool.leased(), 0);
    live() - before - of_vector
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "each test has a runtime and a thread of its own")]
async fn sockets_that_compress_hold_24_bytes_more_than_others() {
    let _alone = heap::alone();
    let pool = Pool::new(4 << 20).expect("a pool");
    let machines = Pool::new(8 << 20).expect("a pool");
    let traffic = Traffic::new();
    // The pool's own tables fill up.
    let other = Deflate::builder().max_compressors(1).build(&machines).expect("room");
    held(&pool, Some(&other), &traffic).await;
    held(&pool, None, &traffic).await;
    drop(other);
    let deflate = Deflate::builder().max_compressors(1).build(&machines).expect("room");
    let before = live();
    held(&pool, Some(&deflate), &traffic).await;
    let made = live() - before;
    println!("a compressor and a decompressor: {made} bytes, {} reserved", deflate.reserved());
    assert!(made <= deflate.reserved() as isize && made > deflate.reserved() as isize * 99 / 100);
    let (plain, compressing) =
        (held(&pool, None, &traffic).await, held(&pool, Some(&deflate), &traffic).await);
    println!("{SOCKETS} sockets: {plain} bytes, compressing {compressing}");
    assert_eq!(plain + 24 * SOCKETS as isize, compressing);
    drop(deflate);
    assert_eq!((pool.leased(), machines.leased()), (0, 0));
}
