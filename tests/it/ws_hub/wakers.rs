//! Wakers that panic: nobody else stays asleep, and nothing is lost.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use leasehold::ws::Hub;
use tokio_test::{assert_pending, task};

use crate::ws_hub::{frame::Frame, join, message, pool};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[tokio::test]
async fn a_waker_that_panics_keeps_no_other_member_asleep() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let broken = Waker::from(Arc::new(Panics));
    let mut members: Vec<_> = (0..3).map(|_| join(&hub, &pool, 1_000)).collect();
    {
        let (first, rest) = members.split_first_mut().unwrap();
        assert!(pin!(first.0.recv()).poll(&mut Context::from_waker(&broken)).is_pending());
        let mut rest: Vec<_> =
            rest.iter_mut().map(|(member, _)| task::spawn(member.recv())).collect();
        rest.iter_mut().for_each(|member| assert_pending!(member.poll()));
        assert!(catch_unwind(AssertUnwindSafe(|| hub.try_send(message(&pool, 7, 100)))).is_err());
        for member in &mut rest {
            assert!(member.is_woken());
            assert_pending!(member.poll());
        }
    }
    // The first one has it, too.
    assert_pending!(task::spawn(members[0].0.recv()).poll());
    for (_, peer) in &mut members {
        assert_eq!(peer.recv().await, Some(Frame::binary([7; 100])));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_sender_whose_waker_panics_costs_a_member_no_message() {
    let pool = pool();
    let hub = Hub::builder(&pool).max_queued(1_100).build();
    let broken = Waker::from(Arc::new(Panics));
    let (mut member, mut peer) = join(&hub, &pool, 100);
    hub.try_send(message(&pool, 1, 300)).unwrap();
    assert_pending!(task::spawn(member.recv()).poll());
    hub.try_send(message(&pool, 2, 600)).unwrap();
    let mut sending = pin!(hub.send(message(&pool, 3, 300)));
    assert!(sending.as_mut().poll(&mut Context::from_waker(&broken)).is_pending());
    // Until the member has sent the first, takes the second, and wakes the sender.
    let mut read = Vec::new();
    while read.len() < 304 {
        tokio::io::AsyncReadExt::read_buf(&mut peer.io, &mut read).await.unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| task::spawn(member.recv()).poll()));
    }
    assert!(sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    let reading = async {
        while read.len() < 304 + 604 + 304 {
            tokio::io::AsyncReadExt::read_buf(&mut peer.io, &mut read).await.unwrap();
        }
        assert_eq!(
            Frame::parse_all(&read),
            [Frame::binary([1; 300]), Frame::binary([2; 600]), Frame::binary([3; 300])]
        );
        drop(peer);
    };
    let (end, ()) = tokio::join!(member.recv(), reading);
    assert!(end.unwrap().is_err());
    assert_eq!(pool.leased(), 0);
}
