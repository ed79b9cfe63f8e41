//! How an outbox ends, and what everybody hears of it.

use std::{error::Error, io};

use bytes::Bytes;
use leasehold::{
    Chain, Pool,
    io::{FlushError, Outbox, SendError},
};
use tokio::io::AsyncReadExt;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};

use super::{Running, Task, item, pool, running, wire::Wire};

/// One sender in line, one that was granted and not yet polled, a flusher and a watcher.
struct Waiting<'a> {
    granted: Task<'a, Result<(), SendError>>,
    waiting: Task<'a, Result<(), SendError>>,
    flush: Task<'a, Result<(), FlushError>>,
    closed: Task<'a, ()>,
}

impl Waiting<'_> {
    fn assert_woken_with_their_chains(mut self) -> SendError {
        assert!(
            self.granted.is_woken()
                && self.waiting.is_woken()
                && self.flush.is_woken()
                && self.closed.is_woken()
        );
        let error = assert_ready_err!(self.granted.poll());
        assert!(error.is_closed());
        assert_eq!(error.into_inner(), [b'b'; 300]);
        assert_ready_err!(self.flush.poll());
        assert_ready!(self.closed.poll());
        assert_ready_err!(self.waiting.poll())
    }
}

/// Fills an outbox of 1000, lets it fall to the low mark, and has one of everybody wait.
fn crowd<'a>(outbox: &'a Outbox, pool: &Pool, wire: &Wire, writer: &mut Running) -> Waiting<'a> {
    let send = |chain: Chain| -> Task<'a, _> { task::spawn(Box::pin(outbox.send(chain))) };
    outbox.try_send(item(pool, b'a', 900)).unwrap();
    let mut granted = send(item(pool, b'b', 300));
    let mut waiting = send(item(pool, b'c', 300));
    assert_pending!(granted.poll());
    assert_pending!(waiting.poll());
    wire.give(500);
    assert_pending!(writer.poll());
    assert!(granted.is_woken() && !waiting.is_woken());
    let mut flush: Task<'a, _> = task::spawn(Box::pin(outbox.flush()));
    let mut closed: Task<'a, _> = task::spawn(Box::pin(outbox.closed()));
    assert_pending!(flush.poll());
    assert_pending!(closed.poll());
    Waiting { granted, waiting, flush, closed }
}

#[test]
fn a_writer_that_is_dropped_wakes_everybody_and_hands_the_chains_back() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    let crowd = crowd(&outbox, &pool, &wire, &mut writer);
    drop(writer);
    let error = crowd.assert_woken_with_their_chains();
    assert_eq!(error.to_string(), "the outbox is closed: its writer is gone");
    assert_eq!(error.into_inner(), [b'c'; 300]);
    assert!(outbox.is_closed());
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn a_transport_that_fails_wakes_everybody_and_tells_them_why() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    let crowd = crowd(&outbox, &pool, &wire, &mut writer);
    {
        let mut state = wire.lock();
        state.fail_at = Some(state.calls + 1);
    }
    wire.give(1);
    assert_eq!(assert_ready_err!(writer.poll()).kind(), io::ErrorKind::ConnectionReset);
    let error = crowd.assert_woken_with_their_chains();
    assert!(error.is_closed() && !error.is_overflown());
    assert_eq!(error.failure_kind(), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(error.source().unwrap().to_string(), "the wire was cut");
    drop(writer);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
    let error = outbox.try_send(item(&pool, b'x', 1)).unwrap_err();
    assert_eq!(error.failure_kind(), Some(io::ErrorKind::ConnectionReset));
    drop(error);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn close_sends_the_rest_and_shuts_the_transport_down() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    let Waiting { mut granted, mut waiting, mut flush, mut closed } =
        crowd(&outbox, &pool, &wire, &mut writer);
    outbox.close();
    outbox.clone().close();
    let error = assert_ready_err!(granted.poll());
    assert_eq!((error.to_string().as_str(), error.failure_kind()), ("the outbox is closed", None));
    drop(error);
    assert_ready_err!(waiting.poll());
    assert_ready!(closed.poll());
    assert!(outbox.try_send(Bytes::from("more")).unwrap_err().is_closed());
    assert_pending!(flush.poll(), "the rest is still to be sent");
    assert_eq!(outbox.queued(), 400 + 64);
    wire.give(1000);
    assert!(writer.is_woken());
    assert_ready_ok!(writer.poll());
    assert_ready_ok!(flush.poll());
    assert_ready_ok!(task::spawn(outbox.flush()).poll());
    assert!(wire.lock().is_shut);
    assert_eq!(wire.lock().written, [b'a'; 900]);
    drop(writer);
    assert_ready_ok!(task::spawn(outbox.flush()).poll());
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn an_idle_writer_ends_when_the_outbox_is_closed() {
    let wire = Wire::new();
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    outbox.close();
    assert!(writer.is_woken());
    assert_ready_ok!(writer.poll());
    assert!(wire.lock().is_shut);
}

#[test]
fn without_senders_the_rest_is_sent_and_the_transport_stays_open() {
    let pool = pool();
    let wire = Wire::with_room(10);
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    outbox.try_send(item(&pool, b'a', 100)).unwrap();
    assert_pending!(writer.poll());
    drop(outbox.clone());
    drop(outbox);
    wire.give(90);
    assert_ready_ok!(writer.poll());
    let state = wire.lock();
    assert_eq!((state.written.len(), state.flushes, state.is_shut), (100, 1, false));
    assert_eq!(pool.leased(), 0);
}

#[test]
fn an_idle_writer_ends_with_its_last_sender() {
    let wire = Wire::new();
    let (outbox, writer) = Outbox::channel(1000);
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    let other = outbox.clone();
    drop(outbox);
    assert!(!writer.is_woken());
    drop(other);
    assert!(writer.is_woken());
    assert_ready_ok!(writer.poll());
}

#[test]
fn whatever_call_fails_nothing_is_leaked_and_nobody_hangs() {
    let pool = pool();
    for fail_at in 1.. {
        let wire = Wire::new();
        {
            let mut state = wire.lock();
            (state.call_max, state.fail_at) = (7, Some(fail_at));
        }
        let (outbox, writer) = Outbox::channel(1000);
        for fill in b'a'..b'f' {
            outbox.try_send(item(&pool, fill, 20)).unwrap();
        }
        let mut flush = task::spawn(outbox.flush());
        assert_pending!(flush.poll());
        outbox.close();
        let mut writer = running(writer, &wire);
        let ended = assert_ready!(writer.poll());
        let whole: Vec<u8> = (b'a'..b'f').flat_map(|fill| [fill; 20]).collect();
        assert!(whole.starts_with(&wire.lock().written));
        assert!(wire.lock().written.len() >= 7 * (fail_at - 1).min(14));
        assert_eq!((outbox.queued(), pool.leased()), (0, 0));
        // Fifteen writes, a flush and a shutdown.
        if fail_at <= 16 {
            assert_ready_err!(flush.poll());
        } else {
            assert_ready_ok!(flush.poll());
        }
        assert_eq!(ended.is_ok(), fail_at > 17);
        if ended.is_ok() {
            break;
        }
    }
}

#[test]
fn a_transport_that_takes_no_more_is_an_error() {
    let pool = pool();
    let wire = Wire::new();
    wire.lock().call_max = 0;
    let (outbox, writer) = Outbox::channel(1000);
    outbox.try_send(item(&pool, b'a', 1)).unwrap();
    let mut writer = running(writer, &wire);
    assert_eq!(assert_ready_err!(writer.poll()).kind(), io::ErrorKind::WriteZero);
    assert_eq!(
        outbox.try_send(Bytes::from("more")).unwrap_err().failure_kind(),
        Some(io::ErrorKind::WriteZero)
    );
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_writer_that_has_ended_answers_the_same_again() {
    let mut wire = Wire::new();
    let (outbox, mut writer) = Outbox::channel(1000);
    outbox.close();
    for _ in 0..2 {
        assert_ready_ok!(task::spawn(writer.run(&mut wire)).poll());
        assert_eq!(wire.lock().calls, 1);
    }
    let (outbox, mut writer) = Outbox::channel(1000);
    wire.lock().fail_at = Some(2);
    outbox.try_send(Bytes::from("lost")).unwrap();
    for _ in 0..2 {
        let error = assert_ready_err!(task::spawn(writer.run(&mut wire)).poll());
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_task_that_is_aborted_closes_the_outbox() {
    let pool = pool();
    let (mut near, mut far) = tokio::io::duplex(10);
    let (outbox, mut writer) = Outbox::channel(1000);
    let task = tokio::spawn(async move { writer.run(&mut near).await });
    outbox.send(item(&pool, b'a', 100)).await.unwrap();
    tokio::task::yield_now().await;
    task.abort();
    outbox.closed().await;
    assert!(outbox.flush().await.is_err());
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, [b'a'; 10]);
    assert_eq!(pool.leased(), 0);
}
