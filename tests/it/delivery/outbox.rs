//! `io::Outbox`, whose writer is run by a task.

use std::time::Duration;

use bytes::Bytes;
use leasehold::io::{Outbox, OutboxWriter};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use crate::delivery::{LARGE, large, pair, read_exactly, reading, soon};

/// A task that writes, and returns the transport when the outbox is done.
fn writing(mut writer: OutboxWriter, mut near: TcpStream) -> tokio::task::JoinHandle<TcpStream> {
    tokio::spawn(async move {
        writer.run(&mut near).await.unwrap();
        near
    })
}

#[tokio::test]
async fn send_has_queued_its_item_behind_all_before_it() {
    let (near, mut far) = pair().await;
    let (outbox, writer) = Outbox::channel(64 << 10);
    outbox.send(Bytes::from("first")).await.unwrap();
    outbox.send(Bytes::from("last")).await.unwrap();
    assert_eq!(outbox.queued(), 9 + 2 * 64, "nothing was written yet");
    let writing = writing(writer, near);
    assert_eq!(read_exactly(&mut far, 9).await, b"firstlast");
    writing.abort();
}

#[tokio::test]
async fn flush_has_written_all_that_was_taken() {
    let (near, far) = pair().await;
    let (outbox, writer) = Outbox::channel(64 << 10);
    let writing = writing(writer, near);
    outbox.send(large()).await.unwrap();
    let read = reading(far);
    soon(outbox.flush()).await.unwrap();
    assert_eq!(outbox.queued(), 0);
    drop(outbox);
    drop(soon(writing).await.unwrap());
    assert_eq!(soon(read).await.unwrap().len(), LARGE);
}

#[tokio::test]
async fn close_writes_all_that_was_taken_and_shuts_down() {
    let (near, far) = pair().await;
    let (outbox, writer) = Outbox::channel(64 << 10);
    let writing = writing(writer, near);
    outbox.send(large()).await.unwrap();
    outbox.close();
    assert!(outbox.send(Bytes::from("more")).await.unwrap_err().is_closed());
    let read = reading(far);
    let near = soon(writing).await.unwrap();
    assert_eq!(
        soon(read).await.unwrap().len(),
        LARGE,
        "the end comes while the transport is still there"
    );
    drop(near);
}

#[tokio::test]
async fn a_drop_of_the_last_sender_loses_nothing_and_leaves_the_transport_open() {
    let (near, mut far) = pair().await;
    let (outbox, writer) = Outbox::channel(64 << 10);
    let writing = writing(writer, near);
    outbox.send(large()).await.unwrap();
    drop(outbox);
    let read = read_exactly(&mut far, LARGE).await;
    assert!(read.iter().all(|&byte| byte == b'l'));
    let mut near = soon(writing).await.unwrap();
    near.write_all(b"still open").await.unwrap();
    assert_eq!(read_exactly(&mut far, 10).await, b"still open");
}

#[tokio::test]
async fn a_drop_of_the_writer_loses_what_is_not_written_and_says_so() {
    let (near, far) = pair().await;
    let (outbox, writer) = Outbox::channel(64 << 10);
    let writing = writing(writer, near);
    outbox.send(large()).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    writing.abort();
    soon(outbox.flush()).await.unwrap_err();
    assert!(outbox.send(Bytes::from("more")).await.unwrap_err().is_closed());
    let read = soon(reading(far)).await.unwrap().len();
    assert!((1..LARGE).contains(&read), "a part of an item, and the end: {read}");
}
