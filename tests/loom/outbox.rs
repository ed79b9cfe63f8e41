//! The outbox.

use bytes::Bytes;
use leasehold::io::Outbox;
use loom::{future::block_on, thread};

use crate::{check, is_pending};

#[test]
fn senders_and_the_writer_of_an_outbox_never_sleep_past_each_other() {
    check(|| {
        // One item at a time: each of them waits for the one before it, and the writer for the next
        // one, or the last sender.
        let (outbox, mut writer) = Outbox::channel(0);
        let sender = thread::spawn(move || {
            block_on(outbox.send(Bytes::from_static(b"a"))).expect("open");
            block_on(outbox.send(Bytes::from_static(b"b"))).expect("open");
        });
        block_on(writer.run(&mut tokio::io::sink())).expect("a sink takes all");
        sender.join().expect("no panic");
    });
}

#[test]
fn a_send_that_goes_while_it_is_granted_passes_its_room_on() {
    check(|| {
        let (outbox, mut writer) = Outbox::channel(0);
        outbox.try_send(Bytes::from_static(b"a")).expect("room");
        let mut first = Box::pin(outbox.send(Bytes::from_static(b"b")));
        assert!(is_pending(first.as_mut()));
        let second = thread::spawn({
            let outbox = outbox.clone();
            move || block_on(outbox.send(Bytes::from_static(b"c"))).expect("open")
        });
        let run = thread::spawn(move || {
            block_on(writer.run(&mut tokio::io::sink())).expect("a sink takes all")
        });
        drop(first);
        drop(outbox);
        second.join().expect("no panic");
        run.join().expect("no panic");
    });
}

#[test]
fn a_flush_and_a_watcher_are_woken_by_a_writer_that_writes_and_goes() {
    check(|| {
        let (outbox, mut writer) = Outbox::channel(0);
        outbox.try_send(Bytes::from_static(b"a")).expect("room");
        let other = thread::spawn(move || {
            let mut sink = tokio::io::sink();
            let run = std::pin::pin!(writer.run(&mut sink));
            assert!(is_pending(run), "there is a sender");
        });
        block_on(outbox.flush()).expect("written before the writer went");
        block_on(outbox.closed());
        other.join().expect("no panic");
    });
}
