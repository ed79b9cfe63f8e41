//! Transports of which the writing half fails: the reading half gives out all that had arrived, in
//! order, and then its end.

use crate::support::transport::broken;

use std::{fmt::Debug, io, time::Duration};

use broken::{Broken, Last};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use leasehold::{
    Chain, ChainMut, Pool,
    codec::{Framed, FramedRead, FramedWrite, LengthDelimitedCodec, compat},
    io::{BufStream, ChainReader, Outbox},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    time::timeout,
};
use tokio_util::codec as theirs;

use crate::support::transport::sockets;
use sockets::tcp_pair;

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(20);

/// So many sockets of each kind.
const VISITS: usize = 100;

/// What the peer has said.
const ONE: &[u8] = b"\x00\x00\x00\x03one";
const TWO: &[u8] = b"\x00\x00\x00\x05quota";

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// Each way in which what was said may be cut, and each end of it.
fn broken() -> impl Iterator<Item = Broken> {
    let said = [ONE, TWO].concat();
    let lasts = [Last::End, Last::Error(io::ErrorKind::ConnectionReset)];
    let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    lasts.into_iter().flat_map(move |last| {
        let said = said.clone();
        kinds.into_iter().flat_map(move |kind| {
            let said = said.clone();
            (0..=said.len()).map(move |cut| {
                let pieces =
                    [&said[..cut], &said[cut..]].into_iter().filter(|piece| !piece.is_empty());
                Broken::new(pieces, last).failing_to_write(kind)
            })
        })
    })
}

/// Our end of a socket whose peer has said both, and is gone with something unread: it was reset.
async fn reset() -> TcpStream {
    let (mut near, mut far) = tcp_pair().await;
    near.write_all(b"unread").await.unwrap();
    far.readable().await.unwrap();
    far.write_all(&[ONE, TWO].concat()).await.unwrap();
    drop(far);
    near
}

// ---- frames
// ------------------------------------------------------------------------------------------------------------

/// Sends until that fails.
async fn send_until_it_fails<S>(sink: &mut S)
where
    S: Sink<Bytes, Error: Debug> + Unpin,
{
    let failing = async { while sink.send(Bytes::from_static(b"more")).await.is_ok() {} };
    timeout(SOON, failing).await.expect("it fails");
}

/// All that is heard after that.
async fn assert_all_heard<S, I, E>(stream: &mut S)
where
    S: Stream<Item = Result<I, E>> + Unpin,
    I: AsRef<[u8]>,
{
    for expected in [&b"one"[..], b"quota"] {
        let heard = timeout(SOON, stream.next()).await.expect("it hangs");
        let Some(Ok(heard)) = heard else { panic!("{:?} is lost", Bytes::from_static(expected)) };
        assert_eq!(heard.as_ref(), expected);
    }
    let last = timeout(SOON, stream.next()).await.expect("it hangs");
    assert!(last.is_none_or(|last| last.is_err()), "that was all");
}

/// A chain as bytes.
fn flat<E>(frame: Result<Chain, E>) -> Result<Vec<u8>, E> {
    frame.map(|frame| frame.to_vec())
}

async fn framed<T: AsyncRead + AsyncWrite + Unpin>(io: T, pool: &Pool) {
    let mut framed = Framed::new(io, LengthDelimitedCodec::new(), pool);
    send_until_it_fails(&mut framed).await;
    assert_all_heard(&mut (&mut framed).map(flat)).await;
}

async fn compat_framed<T: AsyncRead + AsyncWrite + Unpin>(io: T, pool: &Pool) {
    let mut framed = compat::Framed::new(io, theirs::LengthDelimitedCodec::new()).charge_to(pool);
    send_until_it_fails(&mut framed).await;
    assert_all_heard(&mut framed).await;
}

async fn split_framed<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T, pool: &Pool) {
    let (mut sink, stream) = Framed::new(io, LengthDelimitedCodec::new(), pool).split();
    tokio::spawn(async move { send_until_it_fails(&mut sink).await }).await.unwrap();
    assert_all_heard(&mut stream.map(flat)).await;
}

async fn halves<R, W>(reader: R, writer: W, pool: &Pool)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let mut sink = FramedWrite::new(writer, LengthDelimitedCodec::new(), pool);
    // What has failed may be gone before the other half reads.
    tokio::spawn(async move { send_until_it_fails(&mut sink).await }).await.unwrap();
    assert_all_heard(&mut FramedRead::new(reader, LengthDelimitedCodec::new(), pool).map(flat))
        .await;
}

/// A server's loop: it hears and sends in turns, and learns of a failure in the middle.
async fn select<T: AsyncRead + AsyncWrite + Unpin>(io: T, pool: &Pool) {
    let (mut sink, mut stream) = Framed::new(io, LengthDelimitedCodec::new(), pool).split();
    let (mut heard, mut has_failed) = (Vec::new(), false);
    let talk = async {
        loop {
            if !has_failed {
                has_failed = sink.feed(Bytes::from_static(b"more")).await.is_err();
            }
            tokio::select! {
                biased;
                flushed = sink.flush(), if !has_failed => has_failed = flushed.is_err(),
                frame = stream.next() => match frame {
                    Some(Ok(frame)) => heard.push(frame.to_vec()),
                    Some(Err(_)) | None => break,
                },
            }
        }
    };
    timeout(SOON, talk).await.expect("it hangs");
    assert_eq!(heard, [&b"one"[..], b"quota"]);
}

#[tokio::test]
async fn frames_that_had_arrived_are_heard_after_a_failed_send() {
    let pool = pool();
    let mut count = 0;
    for io in broken() {
        framed(io, &pool).await;
        count += 1;
    }
    for io in broken() {
        compat_framed(io, &pool).await;
    }
    for io in broken() {
        split_framed(io, &pool).await;
    }
    for io in broken() {
        let (reader, writer) = split(io);
        halves(reader, writer, &pool).await;
    }
    for io in broken() {
        select(io, &pool).await;
    }
    println!("{count} transports of each kind");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_had_arrived_are_heard_from_a_socket_that_was_reset() {
    let pool = pool();
    for _ in 0..VISITS {
        framed(reset().await, &pool).await;
        compat_framed(reset().await, &pool).await;
        split_framed(reset().await, &pool).await;
        select(reset().await, &pool).await;
        let (reader, writer) = reset().await.into_split();
        halves(reader, writer, &pool).await;
        let (reader, writer) = split(reset().await);
        halves(reader, writer, &pool).await;
    }
    assert_eq!(pool.leased(), 0);
}

// ---- bytes
// -------------------------------------------------------------------------------------------------------------

async fn buffered<T: AsyncRead + AsyncWrite + Unpin>(io: T, pool: &Pool) {
    let mut stream = BufStream::new(io, pool);
    let failing = async {
        loop {
            if stream.write_all(b"more").await.is_err() || stream.flush().await.is_err() {
                break;
            }
        }
    };
    timeout(SOON, failing).await.expect("it fails");
    let mut heard = [0; ONE.len() + TWO.len()];
    timeout(SOON, stream.read_exact(&mut heard)).await.expect("it hangs").expect("it is lost");
    assert_eq!(heard[..], [ONE, TWO].concat());
    let last = timeout(SOON, stream.read(&mut [0])).await.expect("it hangs");
    assert!(last.is_err() || last.is_ok_and(|count| count == 0));
}

async fn outbox<R, W>(mut reader: R, mut writer: W, pool: &Pool)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (outbox, mut outbox_writer) = Outbox::channel(1 << 10);
    let run = tokio::spawn(async move { outbox_writer.run(&mut writer).await });
    let accepted = async {
        let mut last = outbox.send(Bytes::from_static(b"more")).await.map(|()| outbox.flush());
        while let Ok(flush) = last {
            if flush.await.is_err() {
                break; // what was accepted, and is not sent, is told
            }
            last = outbox.send(Bytes::from_static(b"more")).await.map(|()| outbox.flush());
        }
    };
    timeout(SOON, accepted).await.expect("it fails");
    run.await.unwrap().expect_err("the writer says so too");
    assert!(outbox.flush().await.is_err() && outbox.try_send(Bytes::new()).is_err());
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(pool));
    let heard = async {
        while chain_reader.read(&mut reader, &mut chain).await.is_ok_and(|count| count > 0) {}
    };
    timeout(SOON, heard).await.expect("it hangs");
    assert_eq!(chain.freeze().to_vec(), [ONE, TWO].concat());
}

#[tokio::test]
async fn bytes_that_had_arrived_are_read_after_a_failed_write() {
    let pool = pool();
    for io in broken() {
        buffered(io, &pool).await;
    }
    for io in broken() {
        let (reader, writer) = split(io);
        outbox(reader, writer, &pool).await;
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_had_arrived_are_read_from_a_socket_that_was_reset() {
    let pool = pool();
    for _ in 0..VISITS {
        buffered(reset().await, &pool).await;
        let (reader, writer) = reset().await.into_split();
        outbox(reader, writer, &pool).await;
    }
    assert_eq!(pool.leased(), 0);
}

// ---- without memory
// ----------------------------------------------------------------------------------------------------

/// A reader that is reset does not wait for memory. What had arrived stays in the socket, and is
/// there once memory is.
#[tokio::test]
async fn bytes_that_wait_for_memory_are_not_lost_by_a_reset() {
    let pool = pool();
    let mut all = Vec::new();
    for len in [1 << 20, 1] {
        while let Ok(block) = pool.try_lease(len) {
            all.push(block);
        }
    }
    let mut near = reset().await;
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    let starved =
        timeout(SOON, chain_reader.read(&mut near, &mut chain)).await.expect("it does not wait");
    assert_eq!(starved.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    drop(all);
    assert_eq!(chain_reader.read(&mut near, &mut chain).await.unwrap(), ONE.len() + TWO.len());
    assert_eq!(chain.split().freeze().to_vec(), [ONE, TWO].concat());
    assert_eq!(
        timeout(SOON, chain_reader.read(&mut near, &mut chain)).await.expect("it hangs").unwrap(),
        0
    );
    drop(chain);
    assert_eq!(pool.leased(), 0);
}
