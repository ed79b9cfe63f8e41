//! `BufStream` in place of tokio's: under its adapters, over faulty transports, and when memory is
//! short.

use std::{
    io::{IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::StreamExt;
use leasehold::{Pool, io::BufStream};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, copy,
    copy_bidirectional, copy_buf,
};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use crate::support::transport;
use transport::{End, Faulty, once, pattern, sockets::tcp_pair};

const KIB: usize = 1 << 10;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// Transports of all manners that give out these bytes.
fn faulty(content: &[u8]) -> impl Iterator<Item = Faulty> {
    let whole = [Faulty::new(content), Faulty::new(content).vectored().pending()];
    let cut = [1000, 4096, 10_000].map(|cut| Faulty::new(content).cut(cut).pending());
    whole.into_iter().chain(cut).chain((0..5).map(move |seed| Faulty::random(content, seed)))
}

/// Lines of all lengths, the last one without an end.
fn text() -> String {
    (0..300)
        .map(|len| "x".repeat(len * len / 10) + if len % 7 == 0 { "\r\n" } else { "\n" })
        .collect::<String>()
        + "last"
}

// ---- adapters of tokio --------------------------------------------------------------------------

#[tokio::test]
async fn copy_and_copy_buf_copy_all_of_it() {
    let (pool, content) = (pool(), pattern(300_000));
    for io in faulty(&content) {
        let (mut from, mut to) =
            (BufStream::new(io, &pool), BufStream::new(Faulty::new([]).cut(3000), &pool));
        assert_eq!(copy(&mut from, &mut to).await.unwrap(), 300_000);
        assert!(to.get_ref().sent() == content && to.get_ref().end() == End::Flushed);
        assert_eq!(pool.leased(), 0);
    }
    for io in faulty(&content) {
        let (mut from, mut to) =
            (BufStream::new(io, &pool), BufStream::new(Faulty::new([]).cut(3000), &pool));
        assert_eq!(copy_buf(&mut from, &mut to).await.unwrap(), 300_000);
        assert!(to.get_ref().sent() == content);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn copy_bidirectional_copies_both_ways_and_shuts_down() {
    let (pool, there, back) = (pool(), pattern(200_000), pattern(100_001));
    for (a, b) in faulty(&there).zip(faulty(&back).collect::<Vec<_>>().into_iter().rev()) {
        let (mut a, mut b) = (BufStream::new(a, &pool), BufStream::new(b, &pool));
        assert_eq!(copy_bidirectional(&mut a, &mut b).await.unwrap(), (200_000, 100_001));
        assert!(b.get_ref().sent() == there && a.get_ref().sent() == back);
        assert_eq!((a.get_ref().end(), b.get_ref().end()), (End::Shutdown, End::Shutdown));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn lines_are_those_of_the_text() {
    let (pool, text) = (pool(), text());
    for io in faulty(text.as_bytes()) {
        let mut lines = BufStream::new(io, &pool).lines();
        for expected in text.lines() {
            assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(expected));
        }
        assert_eq!(lines.next_line().await.unwrap(), None);
        assert_eq!(pool.leased(), 0);
    }
    for io in faulty(text.as_bytes()) {
        let (mut stream, mut line, mut got) =
            (BufStream::new(io, &pool), String::new(), String::new());
        while stream.read_line(&mut line).await.unwrap() > 0 {
            got += &line;
            line.clear();
        }
        assert!(got == text);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn exact_reads_and_the_rest_are_what_was_sent() {
    let (pool, content) = (pool(), pattern(100_000));
    for io in faulty(&content) {
        let mut stream = BufStream::new(io, &pool);
        let (mut head, mut middle, mut rest) = ([0; 7], vec![0; 20_000], Vec::new());
        stream.read_exact(&mut head).await.unwrap();
        stream.read_exact(&mut middle).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), content[20_007]);
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(
            head[..] == content[..7]
                && middle[..] == content[7..20_007]
                && rest[..] == content[20_008..]
        );
        let error = stream.read_exact(&mut head).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn sync_code_and_streams_read_and_write_through_it() {
    use std::io::{BufRead, Read, Write};

    let (pool, text) = (pool(), text());
    let io = Faulty::new(text.as_bytes()).cut(3000).pending();
    let stream = BufStream::new(io, &pool);
    let expected = text.clone();
    let stream = tokio::task::spawn_blocking(move || {
        let mut bridge = SyncIoBridge::new(stream);
        let (mut line, mut rest) = (String::new(), String::new());
        for _ in 0..50 {
            bridge.read_line(&mut line).unwrap();
        }
        bridge.read_to_string(&mut rest).unwrap();
        assert!(line + &rest == expected);
        for piece in expected.as_bytes().chunks(777) {
            bridge.write_all(piece).unwrap();
        }
        bridge.flush().unwrap();
        bridge.into_inner()
    });
    let stream = stream.await.unwrap();
    assert!(stream.get_ref().sent() == text.as_bytes());
    assert_eq!(pool.leased(), 0);

    let io = Faulty::new(text.as_bytes()).cut(3000).pending();
    let chunks = ReaderStream::new(BufStream::new(io, &pool)).collect::<Vec<_>>().await;
    assert!(chunks.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat() == text.as_bytes());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn reading_and_writing_go_on_side_by_side_over_a_socket() {
    let (pool, content) = (pool(), pattern(2_000_000));
    let (near, far) = tcp_pair().await;
    let echo = {
        let pool = pool.clone();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(BufStream::new(far, &pool));
            copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
        })
    };
    let (mut reader, mut writer) = tokio::io::split(BufStream::new(near, &pool));
    let mut got = Vec::new();
    let sending = async {
        for piece in content.chunks(1234) {
            writer.write_all(piece).await.unwrap();
        }
        writer.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(sending, reader.read_to_end(&mut got));
    read.unwrap();
    assert!(got == content);
    echo.await.unwrap();
    assert_eq!(pool.leased(), 0);
}

// ---- faults -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_call_that_fails_loses_nothing() {
    let (pool, content) = (pool(), pattern(60_000));
    for call in 0.. {
        let mut stream =
            BufStream::new(Faulty::new(&content[..]).cut(3000).failing_at(call), &pool);
        let (mut got, mut left, mut errors) = (Vec::new(), &content[..], 0);
        let mut is_over = false;
        while !is_over {
            let done = async {
                if !left.is_empty() {
                    let count = stream.write(&left[..left.len().min(2500)]).await?;
                    left = &left[count..];
                }
                let mut buf = [0; 999];
                let count = stream.read(&mut buf).await?;
                got.extend_from_slice(&buf[..count]);
                if left.is_empty() && count == 0 {
                    stream.flush().await.map(|()| true)
                } else {
                    Ok(false)
                }
            };
            match done.await {
                Ok(done) => is_over = done,
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    errors += 1;
                }
            }
        }
        assert!(got == content && stream.get_ref().sent() == content, "call {call}");
        assert_eq!((errors == 1, pool.leased()), (stream.get_ref().has_failed(), 0));
        if errors == 0 {
            break;
        }
    }
}

#[tokio::test]
async fn cancelled_at_every_poll_nothing_is_lost_or_written_twice() {
    let (pool, content) = (pool(), pattern(60_000));
    for cut in [900, 5000] {
        let mut stream = BufStream::new(Faulty::new(&content[..]).cut(cut).pending(), &pool);
        let (mut got, mut left, mut is_flushed) = (Vec::new(), &content[..], false);
        while !(is_flushed && got.len() == content.len()) {
            if left.is_empty() {
                is_flushed = once(stream.flush()).await.is_ready();
            } else if let Poll::Ready(count) =
                once(stream.write(&left[..left.len().min(2500)])).await
            {
                left = &left[count.unwrap()..];
            }
            let mut buf = [0; 999];
            if let Poll::Ready(count) = once(stream.read(&mut buf)).await {
                got.extend_from_slice(&buf[..count.unwrap()]);
            }
        }
        assert!(got == content && stream.get_ref().sent() == content);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn a_transport_that_takes_no_more_is_an_error_and_keeps_the_rest() {
    let pool = pool();
    let mut stream = BufStream::new(Faulty::new([]).taking(1000), &pool);
    stream.write_all(&pattern(3000)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(stream.flush().await.unwrap_err().kind(), std::io::ErrorKind::WriteZero);
        assert_eq!(stream.shutdown().await.unwrap_err().kind(), std::io::ErrorKind::WriteZero);
    }
    let parts = stream.into_parts();
    assert!(parts.unsent.to_vec() == pattern(3000)[1000..]);
    drop(parts);
    assert_eq!(pool.leased(), 0);
}

// ---- what it holds ------------------------------------------------------------------------------

#[tokio::test]
async fn drained_and_flushed_it_holds_nothing() {
    let pool = pool();
    let (near, mut far) = tcp_pair().await;
    let mut stream = BufStream::new(near, &pool);
    let mut buf = [0; 100];
    for _ in 0..3 {
        far.write_all(&pattern(150)).await.unwrap();
        stream.read_exact(&mut buf).await.unwrap();
        assert!(pool.leased() > 0);
        assert!(stream.read_buffer().chunks().flatten().eq(&pattern(150)[100..]));
        stream.read_exact(&mut buf[..50]).await.unwrap();
        assert_eq!(pool.leased(), 0);
        stream.write_all(b"reply").await.unwrap();
        assert_eq!(pool.leased(), KIB);
        stream.flush().await.unwrap();
        assert_eq!(pool.leased(), 0);
        far.read_exact(&mut buf[..5]).await.unwrap();
        assert!(once(stream.fill_buf()).await.is_pending());
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn small_writes_go_out_together_and_large_ones_at_once() {
    let pool = pool();
    let mut stream = BufStream::new(Faulty::new([]).vectored(), &pool);
    for _ in 0..1000 {
        stream.write_all(b"12345678").await.unwrap();
    }
    assert_eq!((stream.get_ref().calls(), pool.leased()), (0, 8 * KIB));
    stream.write_all(&[0; 300]).await.unwrap();
    assert_eq!((stream.get_ref().calls(), stream.get_ref().sent().len()), (1, 8000));
    assert_eq!(stream.write(&[0; 20_000]).await.unwrap(), 20_000);
    assert_eq!((stream.get_ref().calls(), pool.leased()), (3, 0));
}

#[tokio::test]
async fn large_reads_pass_by_the_blocks() {
    let (pool, content) = (pool(), pattern(100_000));
    let mut stream = BufStream::new(Faulty::new(&content[..]), &pool);
    let mut buf = vec![0; 50_000];
    assert_eq!(stream.read(&mut buf).await.unwrap(), 50_000);
    assert_eq!(pool.peak(), 0);
    assert_eq!(stream.read(&mut buf[..10]).await.unwrap(), 10);
    assert_eq!(stream.read(&mut buf).await.unwrap(), 4086, "what is buffered comes first");
    assert!(buf[..4086] == content[50_010..54_096]);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn whether_it_is_vectored_is_asked_of_the_transport() {
    let pool = pool();
    assert!(!BufStream::new(Faulty::new([]), &pool).is_write_vectored());
    assert!(BufStream::new(Faulty::new([]).vectored(), &pool).is_write_vectored());
    // And a vectored write that is too large to be collected stays one.
    let content = pattern(20_000);
    let slices: Vec<IoSlice<'_>> = content.chunks(100).map(IoSlice::new).collect();
    let mut stream = BufStream::new(Faulty::new([]).vectored(), &pool);
    assert_eq!(stream.write_vectored(&slices).await.unwrap(), 20_000);
    assert_eq!((stream.get_ref().vectored_calls(), stream.get_ref().calls()), (1, 1));
    assert_eq!(pool.peak(), 0);
}

#[tokio::test]
async fn without_memory_writes_go_to_the_transport_at_once_and_reads_wait() {
    let pool = Pool::builder()
        .budget(8 * KIB)
        .classes([4 * KIB])
        .max_wait(Duration::from_millis(30))
        .build()
        .unwrap();
    let held = [pool.try_lease(1).unwrap(), pool.try_lease(1).unwrap()];
    let mut stream = BufStream::new(Faulty::new(pattern(10)).pending().vectored(), &pool);
    for piece in pattern(5000).chunks(50) {
        assert_eq!(stream.write(piece).await.unwrap(), 50);
    }
    assert_eq!(
        stream.write_vectored(&[IoSlice::new(b"one"), IoSlice::new(b"two")]).await.unwrap(),
        6
    );
    assert!(stream.get_ref().sent() == [&pattern(5000)[..], b"onetwo"].concat());
    assert_eq!(stream.get_ref().calls(), 101);
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    // A read into a buffer of its own needs no block.
    assert_eq!(stream.read(&mut [0; 8192]).await.unwrap(), 10);
    assert_eq!((pool.leased(), pool.stats().waiting), (8 * KIB, 0));
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn memory_that_runs_out_between_writes_keeps_their_order() {
    let pool = Pool::builder().budget(8 * KIB).classes([KIB]).build().unwrap();
    let mut stream = BufStream::new(Faulty::new([]).cut(100).pending(), &pool);
    stream.write_all(&pattern(1000)).await.unwrap();
    let held: Vec<_> = std::iter::from_fn(|| pool.try_lease(1).ok()).collect();
    assert_eq!(held.len(), 7);
    stream.write_all(&pattern(2500)[1000..]).await.unwrap();
    drop(held);
    stream.write_all(&pattern(4000)[2500..]).await.unwrap();
    stream.flush().await.unwrap();
    assert!(stream.get_ref().sent() == pattern(4000));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_read_that_passes_by_gives_the_place_in_the_queue_up() {
    let pool = Pool::builder().budget(4 * KIB).classes([4 * KIB]).build().unwrap();
    let held = pool.try_lease(1).unwrap();
    let mut stream = BufStream::new(Faulty::new(pattern(100)), &pool);
    assert!(once(stream.read_u8()).await.is_pending());
    assert_eq!(pool.stats().waiting, 1);
    assert_eq!(stream.read(&mut [0; 8192]).await.unwrap(), 100);
    assert_eq!(pool.stats().waiting, 0);
    drop(held);
    assert_eq!(pool.leased(), 0);
}

// ---- seeking ------------------------------------------------------------------------------------

/// A file in memory, whose seeks are pending once.
struct Tape {
    cursor: std::io::Cursor<Vec<u8>>,
    is_seeking: bool,
}

impl Tape {
    fn new(content: Vec<u8>) -> Self {
        Self { cursor: std::io::Cursor::new(content), is_seeking: false }
    }
}

impl tokio::io::AsyncRead for Tape {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.cursor).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tape {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.cursor).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncSeek for Tape {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> std::io::Result<()> {
        self.is_seeking = true;
        Pin::new(&mut self.cursor).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<u64>> {
        if std::mem::take(&mut self.is_seeking) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.cursor).poll_complete(cx)
    }
}

/// Seeks, reads and writes at random, here and on tokio's.
#[tokio::test]
async fn seeks_are_those_of_tokio() {
    let pool = pool();
    let mut dice = SmallRng::seed_from_u64(transport::seed());
    for _ in 0..200 {
        let content = pattern(dice.random_range(0..40_000));
        let mut ours = BufStream::new(Tape::new(content.clone()), &pool);
        let mut theirs = tokio::io::BufStream::new(Tape::new(content));
        for _ in 0..20 {
            let offset: i64 = dice.random_range(-30_000..30_000);
            let position = match offset % 4 {
                0 => SeekFrom::Start(dice.random_range(0..30_000)),
                1 => SeekFrom::End(offset),
                _ => SeekFrom::Current(offset),
            };
            let (one, two) = (ours.seek(position).await, theirs.seek(position).await);
            assert_eq!(one.map_err(|error| error.kind()), two.map_err(|error| error.kind()));
            if dice.random_bool(0.3) {
                let bytes = pattern(dice.random_range(0..10_000));
                let bytes = &bytes[..bytes.len() / 3];
                ours.write_all(bytes).await.expect("it grows");
                theirs.write_all(bytes).await.expect("it grows");
                ours.flush().await.expect("it never fails");
                theirs.flush().await.expect("it never fails");
            }
            let mut bufs = [vec![0; dice.random_range(0..9_000)], Vec::new()];
            bufs[1] = bufs[0].clone();
            let counts = (ours.read(&mut bufs[0]).await, theirs.read(&mut bufs[1]).await);
            let (count, other) = (counts.0.expect("bytes"), counts.1.expect("bytes"));
            let common = count.min(other);
            assert!(bufs[0][..common] == bufs[1][..common], "the same place");
            // How much one read gives is each buffer's own affair: both go on from one place.
            let (place, same) = (ours.stream_position().await, theirs.stream_position().await);
            let (place, same) = (place.expect("a place"), same.expect("a place"));
            assert_eq!(place + other as u64, same + count as u64);
            ours.seek(SeekFrom::Start(same)).await.expect("a place");
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_seek_writes_out_what_was_collected_and_holds_nothing() {
    let pool = pool();
    let mut stream = BufStream::new(Tape::new(pattern(20_000)), &pool);
    assert_eq!(stream.read_u8().await.expect("a byte"), pattern(1)[0]);
    assert!(pool.leased() > 0);
    assert_eq!(stream.seek(SeekFrom::Start(100)).await.expect("a place"), 100);
    assert_eq!(pool.leased(), 0);
    stream.write_all(b"here").await.expect("it is collected");
    assert_eq!(stream.seek(SeekFrom::Current(-4)).await.expect("a place"), 100);
    let mut read = [0; 4];
    stream.read_exact(&mut read).await.expect("there are as many");
    assert_eq!(&read, b"here");
    let tape = stream.into_inner();
    assert_eq!(&tape.cursor.get_ref()[100..104], b"here");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_transport_that_only_reads_and_one_that_only_writes_can_seek() {
    let pool = pool();
    let content = pattern(20_000);
    let mut reader = BufStream::new(std::io::Cursor::new(&content[..]), &pool);
    assert_eq!(reader.read_u8().await.expect("a byte"), content[0]);
    assert_eq!(reader.seek(SeekFrom::Current(10_000)).await.expect("a place"), 10_001);
    assert_eq!(pool.leased(), 0);
    assert_eq!(reader.read_u8().await.expect("a byte"), content[10_001]);
    drop(reader);

    let mut writer = BufStream::new(WritesOnly(Tape::new(vec![b'-'; 8])), &pool);
    writer.write_all(b"ab").await.expect("it is collected");
    assert_eq!(writer.write_buffer().len(), 2);
    assert_eq!(writer.seek(SeekFrom::Current(2)).await.expect("a place"), 4);
    assert_eq!(pool.leased(), 0);
    writer.write_all(b"cd").await.expect("it is collected");
    writer.flush().await.expect("it is written");
    assert_eq!(writer.into_inner().0.cursor.into_inner(), b"ab--cd--");
    assert_eq!(pool.leased(), 0);
}

/// A tape that cannot be read.
struct WritesOnly(Tape);

impl AsyncWrite for WritesOnly {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl tokio::io::AsyncSeek for WritesOnly {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> std::io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}

#[tokio::test]
async fn as_much_is_collected_as_the_capacity_says() {
    let pool = pool();
    let mut stream = BufStream::with_capacity(4 * KIB, 100, Faulty::new([]), &pool);
    for _ in 0..10 {
        stream.write_all(b"ten bytes!").await.expect("it is collected");
    }
    assert_eq!((stream.write_buffer().len(), stream.get_ref().sent().len()), (100, 0));
    stream.write_all(b"!").await.expect("it is written");
    assert_eq!((stream.write_buffer().len(), stream.get_ref().sent().len()), (1, 100));
    let mut none = BufStream::with_capacity(0, 0, Faulty::new([]), &pool);
    none.write_all(b"!").await.expect("it is written");
    assert_eq!((none.write_buffer().len(), none.get_ref().sent().len()), (0, 1));
    drop(stream);
    assert_eq!(pool.leased(), 0);
}
