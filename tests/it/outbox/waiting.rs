//! Senders that wait: who is woken, when, and in which order; and what a wait that is dropped
//! leaves behind.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use leasehold::io::Outbox;
use tokio::{io::AsyncReadExt, task::JoinSet};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

use super::{SEGMENT, item, pool, running, wire::Wire};

/// Items of this length count 100.
const LEN: usize = 100 - SEGMENT;

#[test]
fn waiting_senders_are_woken_at_the_low_mark_only_as_many_as_fit() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    (0..10).for_each(|_| outbox.try_send(item(&pool, b'a', LEN)).unwrap());
    let mut sends: Vec<_> =
        (0..8).map(|_| task::spawn(outbox.send(item(&pool, b'b', LEN)))).collect();
    sends.iter_mut().for_each(|send| assert_pending!(send.poll()));
    assert_pending!(writer.poll());
    for _ in 0..5 * LEN - 1 {
        wire.give(1);
        assert_pending!(writer.poll());
        assert!(outbox.queued() > 500 && sends.iter().all(|send| !send.is_woken()));
    }
    wire.give(1);
    assert_pending!(writer.poll());
    let woken: Vec<_> = sends.iter().map(|send| send.is_woken()).collect();
    assert_eq!(woken, [true, true, true, true, true, false, false, false]);
    assert_eq!(outbox.queued(), 1000, "room is held for those who were woken");
    assert!(outbox.try_send(item(&pool, b'x', 1)).unwrap_err().is_full());
    sends.drain(..5).for_each(|mut send| assert_ready_ok!(send.poll()));
    assert_eq!(outbox.queued(), 1000);
    wire.give(usize::MAX / 2);
    assert_pending!(writer.poll());
    sends.drain(..).for_each(|mut send| assert_ready_ok!(send.poll()));
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written, [[b'a'; 10 * LEN].as_slice(), &[b'b'; 8 * LEN]].concat());
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn nobody_passes_those_who_wait_not_even_with_a_smaller_item() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 500)).unwrap();
    let mut first = task::spawn(outbox.send(item(&pool, b'b', 600)));
    assert_pending!(first.poll());
    let mut second = task::spawn(outbox.send(item(&pool, b'c', 1)));
    assert_pending!(second.poll());
    assert!(outbox.try_send(item(&pool, b'd', 1)).unwrap_err().is_full());
    wire.give(228);
    assert_pending!(writer.poll());
    assert!(first.is_woken(), "664 fit to 336");
    assert_eq!(outbox.queued(), 1000);
    assert!(!second.is_woken());
    assert_ready_ok!(first.poll());
    wire.give(272 + 100);
    assert_pending!(writer.poll());
    assert!(!second.is_woken(), "not low");
    wire.give(1000);
    assert_pending!(writer.poll());
    assert_ready_ok!(second.poll());
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written.last(), Some(&b'c'));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_send_that_is_dropped_at_any_poll_leaves_nothing_behind() {
    let pool = pool();
    for polls in 0..4 {
        let wire = Wire::with_room(0);
        let (outbox, writer) = Outbox::channel(100);
        let mut writer = running(writer, &wire);
        outbox.try_send(item(&pool, b'a', LEN)).unwrap();
        let mut dropped = task::spawn(outbox.send(item(&pool, b'b', LEN)));
        let mut next = task::spawn(outbox.send(item(&pool, b'c', LEN)));
        (0..polls).for_each(|_| assert_pending!(dropped.poll()));
        assert_pending!(next.poll());
        if polls == 3 {
            // Granted, and not collected.
            assert_pending!(writer.poll());
            wire.give(LEN);
            assert_pending!(writer.poll());
            assert!(dropped.is_woken() && !next.is_woken());
        }
        drop(dropped);
        wire.give(LEN);
        assert_pending!(writer.poll());
        assert!(next.is_woken(), "{polls}");
        assert_ready_ok!(next.poll());
        wire.give(1000);
        assert_pending!(writer.poll());
        assert_eq!(wire.lock().written, [[b'a'; LEN], [b'c'; LEN]].concat());
        outbox.try_send(item(&pool, b'd', LEN)).expect("nobody waits, nothing is held");
        assert_pending!(writer.poll());
        assert_eq!((outbox.queued(), pool.leased()), (0, 0));
    }
}

#[test]
fn a_large_item_that_gives_up_lets_those_behind_it_through() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 500)).unwrap();
    assert_pending!(writer.poll());
    let mut large = task::spawn(outbox.send(item(&pool, b'b', 2000)));
    assert_pending!(large.poll());
    let mut small = task::spawn(outbox.send(item(&pool, b'c', 1)));
    assert_pending!(small.poll());
    wire.give(400);
    assert_pending!(writer.poll());
    assert!(!large.is_woken() && !small.is_woken());
    drop(large);
    assert!(small.is_woken());
    assert_ready_ok!(small.poll());
    wire.give(1000);
    assert_pending!(writer.poll());
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn a_flush_waits_for_what_was_queued_before_it_and_for_nothing_else() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    assert_ready_ok!(task::spawn(outbox.flush()).poll());
    outbox.try_send(item(&pool, b'a', 100)).unwrap();
    let mut flush = task::spawn(outbox.flush());
    let mut given_up = task::spawn(outbox.flush());
    assert_pending!(flush.poll());
    assert_pending!(given_up.poll());
    outbox.try_send(item(&pool, b'b', 100)).unwrap();
    let mut later = task::spawn(outbox.flush());
    assert_pending!(later.poll());
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    wire.give(99);
    assert_pending!(writer.poll());
    assert!(!flush.is_woken());
    drop(given_up);
    wire.lock().is_flush_stuck = true;
    wire.give(51);
    assert_pending!(writer.poll());
    assert!(!flush.is_woken(), "it is written, but not flushed");
    wire.unstick_flush();
    assert_pending!(writer.poll());
    assert!(flush.is_woken());
    assert_ready_ok!(flush.poll());
    assert!(!later.is_woken());
    assert_pending!(later.poll());
    wire.give(50);
    assert_pending!(writer.poll());
    assert_ready_ok!(later.poll());
    assert_ready_ok!(task::spawn(outbox.flush()).poll());
    assert_eq!(wire.lock().flushes, 2);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_transport_is_flushed_when_the_queue_runs_empty_not_for_each_item() {
    let pool = pool();
    let wire = Wire::with_room(100);
    let (outbox, writer) = Outbox::channel(64 << 10);
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().flushes, 0);
    (0..100).for_each(|_| outbox.try_send(item(&pool, b'a', 10)).unwrap());
    for _ in 0..9 {
        assert_pending!(writer.poll());
        wire.give(100);
    }
    assert_eq!(wire.lock().flushes, 0);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().flushes, 1);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().flushes, 1);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_writer_is_woken_by_the_first_item_and_not_while_the_transport_is_stuck() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(64 << 10);
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    outbox.try_send(item(&pool, b'a', 10)).unwrap();
    assert!(writer.is_woken());
    assert_pending!(writer.poll());
    outbox.try_send(item(&pool, b'b', 10)).unwrap();
    let other = outbox.clone();
    drop(outbox);
    other.close();
    drop(other);
    assert!(!writer.is_woken());
    wire.give(20);
    assert_ready_ok!(writer.poll());
    assert_eq!(pool.leased(), 0);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn a_waker_that_panics_loses_nothing_and_keeps_nobody_asleep() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, mut writer) = Outbox::channel(200);
    (0..2).for_each(|_| outbox.try_send(item(&pool, b'a', LEN)).unwrap());
    let mut broken = Box::pin(outbox.send(item(&pool, b'b', LEN)));
    let waker = Waker::from(Arc::new(Panics));
    assert!(broken.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut next = task::spawn(outbox.send(item(&pool, b'c', LEN)));
    assert_pending!(next.poll());
    wire.give(2 * LEN);
    {
        let mut io = wire.clone();
        let mut run = task::spawn(writer.run(&mut io));
        assert!(catch_unwind(AssertUnwindSafe(|| run.poll())).is_err());
    }
    assert!(next.is_woken());
    assert_ready_ok!(next.poll());
    assert!(matches!(broken.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(()))));
    wire.give(1000);
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written, [[b'a'; LEN], [b'a'; LEN], [b'c'; LEN], [b'b'; LEN]].concat());
    drop(broken);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn those_who_wait_for_the_end_are_woken_by_it() {
    let (outbox, writer) = Outbox::channel(100);
    let mut closed = task::spawn(outbox.closed());
    let mut given_up = task::spawn(outbox.closed());
    assert_pending!(closed.poll());
    assert_pending!(given_up.poll());
    drop(given_up);
    outbox.close();
    assert!(closed.is_woken());
    assert_ready!(closed.poll());
    assert!(outbox.is_closed());
    drop(writer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_that_give_up_between_threads_leave_no_room_held() {
    let pool = pool();
    let (mut near, mut far) = tokio::io::duplex(300);
    let (outbox, mut writer) = Outbox::channel(1000);
    let connection = tokio::spawn(async move { writer.run(&mut near).await });
    let mut senders = JoinSet::new();
    for sender in 0..6u64 {
        let (outbox, pool) = (outbox.clone(), pool.clone());
        senders.spawn(async move {
            let mut sent = 0;
            for number in 0..2000 {
                let send = outbox.send(item(&pool, b'a', 100));
                // Polled a few times only, so that some give up as they are granted.
                let mut polls = (sender + number) % 5;
                let mut send = std::pin::pin!(send);
                let outcome = std::future::poll_fn(|cx| match send.as_mut().poll(cx) {
                    Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                    Poll::Pending if polls == 0 => Poll::Ready(None),
                    Poll::Pending => {
                        polls -= 1;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await;
                sent += usize::from(outcome.is_some_and(|outcome| outcome.is_ok()));
            }
            sent
        });
    }
    let reader = tokio::spawn(async move {
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.map(|_| got.len())
    });
    let mut sent = 0;
    while let Some(sender) = senders.join_next().await {
        sent += sender.unwrap();
    }
    outbox.flush().await.unwrap();
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
    outbox.send(item(&pool, b'a', 2000)).await.expect("nothing is held");
    outbox.close();
    connection.await.unwrap().unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), sent * 100 + 2000);
    assert_eq!(pool.leased(), 0);
}
