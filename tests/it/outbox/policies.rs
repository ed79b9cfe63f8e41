//! What is admitted, and what is done with what is not.

use bytes::Bytes;
use leasehold::{
    Chain,
    io::{Outbox, Policy},
};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};

use super::{SEGMENT, item, pool, running, wire::Wire};

#[test]
fn an_item_counts_its_bytes_and_its_segments_linked_ones_too() {
    let pool = pool();
    let (outbox, writer) = Outbox::channel(1 << 10);
    let mut chain = item(&pool, b'a', 100);
    chain.push("linked");
    outbox.try_send(chain).unwrap();
    assert_eq!(outbox.queued(), 106 + 2 * SEGMENT);
    drop(writer);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn an_item_fits_up_to_the_high_mark_and_not_beyond() {
    let pool = pool();
    let (outbox, _writer) = Outbox::channel(300);
    outbox.try_send(item(&pool, b'a', 100)).unwrap();
    let error = outbox.try_send(item(&pool, b'b', 300 - 100 - 2 * SEGMENT + 1)).unwrap_err();
    assert!(error.is_full() && !error.is_closed());
    assert_eq!(
        error.to_string(),
        "the outbox is full: 137 bytes do not fit beside 164 of 300, 1 of 1024 items; wait with `send().await`, or raise `max_queued` or `max_items`"
    );
    outbox.try_send(error.into_inner().take(300 - 100 - 2 * SEGMENT)).unwrap();
    assert_eq!(outbox.queued(), 300);
    drop(_writer);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_item_larger_than_the_limit_goes_alone() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(300);
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 1)).unwrap();
    assert!(outbox.try_send(item(&pool, b'b', 1000)).unwrap_err().is_full());
    let mut large = task::spawn(outbox.send(item(&pool, b'b', 1000)));
    assert_pending!(large.poll());
    let mut small = task::spawn(outbox.send(item(&pool, b'c', 1)));
    assert_pending!(small.poll());
    wire.give(1);
    assert_pending!(writer.poll());
    assert_ready_ok!(large.poll());
    assert_eq!(outbox.queued(), 1000 + SEGMENT);
    wire.give(900);
    assert_pending!(writer.poll());
    assert!(!small.is_woken(), "164 are not low");
    wire.give(14);
    assert_pending!(writer.poll());
    assert_ready_ok!(small.poll());
    wire.give(1000);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written.len(), 1002);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn an_empty_chain_is_sent_at_once_however_full_the_outbox_is() {
    let (outbox, writer) = Outbox::channel(0);
    outbox.try_send(Bytes::from("full")).unwrap();
    outbox.try_send(Chain::new()).unwrap();
    assert_ready_ok!(task::spawn(outbox.send(Chain::new())).poll());
    drop(writer);
    assert!(outbox.try_send(Chain::new()).unwrap_err().is_closed());
}

#[test]
fn the_cap_on_items_holds_whatever_their_length() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::builder().max_items(4).channel();
    let mut writer = running(writer, &wire);
    for _ in 0..4 {
        outbox.try_send(item(&pool, b'a', 1)).unwrap();
    }
    assert!(outbox.try_send(item(&pool, b'b', 1)).unwrap_err().is_full());
    let mut fifth = task::spawn(outbox.send(item(&pool, b'b', 1)));
    assert_pending!(fifth.poll());
    assert_pending!(writer.poll());
    wire.give(1);
    assert_pending!(writer.poll());
    assert!(!fifth.is_woken(), "three are more than half of four");
    wire.give(1);
    assert_pending!(writer.poll());
    assert!(fifth.is_woken());
    assert_ready_ok!(fifth.poll());
    wire.give(10);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written, b"aaaab");
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_cap_of_no_items_is_a_cap_of_one() {
    let (outbox, _writer) = Outbox::builder().max_items(0).channel();
    outbox.try_send(Bytes::from("one")).unwrap();
    assert!(outbox.try_send(Bytes::from("two")).unwrap_err().is_full());
}

#[test]
fn refused_items_are_handed_back_without_a_wait() {
    let pool = pool();
    let (outbox, writer) = Outbox::builder().max_queued(200).policy(Policy::Refuse).channel();
    assert_ready_ok!(task::spawn(outbox.send(item(&pool, b'a', 100))).poll());
    let error = assert_ready_err!(task::spawn(outbox.send(item(&pool, b'b', 100))).poll());
    assert!(error.is_full());
    assert_eq!(error.into_inner(), [b'b'; 100]);
    drop(writer);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn the_oldest_items_give_way_until_the_new_one_fits() {
    let pool = pool();
    let wire = Wire::new();
    let (outbox, writer) = Outbox::builder().max_queued(500).policy(Policy::DropOldest).channel();
    for fill in [b'a', b'b', b'c'] {
        outbox.try_send(item(&pool, fill, 100)).unwrap();
    }
    outbox.try_send(item(&pool, b'd', 200)).unwrap();
    assert_eq!((outbox.dropped_count(), outbox.dropped_bytes()), (2, 200));
    assert_eq!(outbox.queued(), 300 + 2 * SEGMENT);
    assert_ready_ok!(task::spawn(outbox.send(item(&pool, b'e', 1000))).poll());
    assert_eq!((outbox.dropped_count(), outbox.dropped_bytes()), (4, 500));
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written, [b'e'; 1000]);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_item_that_is_begun_never_gives_way() {
    let pool = pool();
    // However much of the first item is written when the outbox overflows, and however often.
    for begun in 0..100 {
        let wire = Wire::with_room(begun);
        let (outbox, writer) =
            Outbox::builder().max_queued(500).policy(Policy::DropOldest).channel();
        let mut writer = running(writer, &wire);
        outbox.try_send(item(&pool, b'a', 100)).unwrap();
        assert_pending!(writer.poll());
        for fill in b'b'..=b'z' {
            outbox.try_send(item(&pool, fill, 100)).unwrap();
            assert!(outbox.queued() <= 500);
            assert_pending!(writer.poll());
        }
        assert_eq!(outbox.queued(), 300 - begun + 3 * SEGMENT);
        wire.give(1000);
        assert_pending!(writer.poll());
        let expected = match begun {
            0 => [[b'x'; 100], [b'y'; 100], [b'z'; 100]],
            _ => [[b'a'; 100], [b'y'; 100], [b'z'; 100]],
        };
        assert!(wire.lock().written == expected.concat(), "{begun}");
        assert_eq!((outbox.queued(), pool.leased()), (0, 0));
    }
}

#[test]
fn nothing_is_dropped_in_vain_where_the_begun_item_leaves_no_room() {
    let pool = pool();
    let wire = Wire::with_room(1);
    let (outbox, writer) = Outbox::builder().max_queued(500).policy(Policy::DropOldest).channel();
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 200)).unwrap();
    assert_pending!(writer.poll());
    outbox.try_send(item(&pool, b'b', 1)).unwrap();
    let error = outbox.try_send(item(&pool, b'c', 300)).unwrap_err();
    assert!(error.is_full());
    assert_eq!(outbox.dropped_count(), 0);
    wire.give(1000);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().written.len(), 201);
    outbox.try_send(error.into_inner()).unwrap();
    assert_pending!(writer.poll());
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_peer_that_is_too_slow_is_cut_off() {
    let pool = pool();
    let wire = Wire::with_room(10);
    let (outbox, writer) = Outbox::builder().max_queued(300).policy(Policy::Close).channel();
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 100)).unwrap();
    assert_pending!(writer.poll());
    let mut flush = task::spawn(outbox.flush());
    let mut closed = task::spawn(outbox.closed());
    assert_pending!(flush.poll());
    assert_pending!(closed.poll());
    let error = assert_ready_err!(task::spawn(outbox.send(item(&pool, b'b', 100))).poll());
    assert!(error.is_closed() && error.is_overflown() && !error.is_full());
    assert_eq!(error.into_inner(), [b'b'; 100]);
    assert_eq!(
        (outbox.queued(), pool.leased()),
        (0, 0),
        "home at once, not when the writer is polled"
    );
    assert!(writer.is_woken() && flush.is_woken() && closed.is_woken());
    assert_eq!(assert_ready_err!(writer.poll()).kind(), std::io::ErrorKind::ConnectionAborted);
    assert!(assert_ready_err!(flush.poll()).is_overflown());
    assert_ready!(closed.poll());
    assert!(outbox.try_send(Bytes::from("more")).unwrap_err().is_overflown());
    assert_eq!(wire.lock().written.len(), 10);
}
