//! What a broadcast to a thousand members allocates: a message exists once, and nothing is copied
//! for a member.

use crate::support::heap;

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::BufMut;
use leasehold::{
    Pool,
    ws::{Hub, Member, Role, WebSocket},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const MEMBERS: usize = 1_000;

/// Takes all that is written, and nothing comes.
#[derive(Default)]
struct Abyss {
    written: usize,
}

impl AsyncRead for Abyss {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Abyss {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Lets each member send what it has.
fn run(members: &mut [Member<Abyss>]) {
    for member in members {
        assert!(pin!(member.recv()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[test]
fn a_broadcast_to_a_thousand_members_allocates_a_little_for_each_and_copies_nothing() {
    let _alone = heap::alone();
    let pool = Pool::new(16 << 20).expect("a pool");
    let hub = Hub::new(&pool);
    let mut members: Vec<_> = (0..MEMBERS)
        .map(|_| hub.join(WebSocket::new(Abyss::default(), Role::Server, &pool)))
        .collect();
    run(&mut members);
    let mut costs = Vec::new();
    for len in [100, 50_000] {
        let mut chain = pool.try_chain(len).expect("memory");
        chain.put_bytes(7, len);
        let (calls, bytes) = heap::so_far();
        assert_eq!(hub.try_send(chain.freeze()).expect("room"), MEMBERS);
        let (calls_to_post, bytes_to_post) = heap::so_far();
        assert!(pool.leased() <= 64 << 10);
        run(&mut members);
        assert_eq!(pool.leased(), 0);
        let (calls_to_send, bytes_to_send) = heap::so_far();
        let post = (calls_to_post - calls, bytes_to_post - bytes);
        let send = (calls_to_send - calls_to_post, bytes_to_send - bytes_to_post);
        println!(
            "{len} bytes to {MEMBERS}: {post:?} allocations and bytes to post, {send:?} to send"
        );
        costs.push((post.0 + send.0, post.1 + send.1));
    }
    let [(calls, bytes), (_, bytes_of_large)] = costs[..] else { unreachable!("two lengths") };
    // A queue for each member that was idle, and what it has sent; and of a message in several
    // blocks a list of them.
    assert!(calls <= 3 * MEMBERS, "{calls} allocations");
    assert!(bytes <= 150 * MEMBERS, "{bytes} bytes");
    assert!(
        bytes_of_large <= bytes + 200 * MEMBERS,
        "it does not matter how long a message is: {bytes}, {bytes_of_large}"
    );
    for member in &members {
        assert_eq!(member.get_ref().get_ref().written, 102 + 50_004);
    }
}
