//! Random scripts on our `BufStream` and on tokio's, over transports that are made alike: a caller
//! cannot tell them apart. `LEASEHOLD_SEED` repeats a run.

use std::{io::IoSlice, pin::Pin};

use bytes::BytesMut;
use leasehold::{
    Pool,
    io::{BufStream, BufStreamParts},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::support::transport;
use transport::{Faulty, pattern, seed};

const KIB: usize = 1 << 10;

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    ReadExact(usize),
    FillAndConsume(usize),
    Line,
    Write(usize),
    WriteVectored(Vec<usize>),
    Flush,
    Shutdown,
}

impl Step {
    fn random(dice: &mut SmallRng) -> Self {
        let mut len = || match dice.random_range(0..3) {
            0 => dice.random_range(0..20),
            1 => dice.random_range(0..5000),
            _ => [8191, 8192, 8193, 30_000][dice.random_range(0..4usize)],
        };
        let (len, lens) = (len(), [len(), len(), len()]);
        match dice.random_range(0..20) {
            0..4 => Self::Read(len),
            4..6 => Self::ReadExact(len),
            6..9 => Self::FillAndConsume(len),
            9..11 => Self::Line,
            11..15 => Self::Write(len),
            15..18 => Self::WriteVectored(lens[..dice.random_range(0..=3)].to_vec()),
            18 => Self::Flush,
            _ => Self::Shutdown,
        }
    }

    fn reads(&self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadExact(_) | Self::FillAndConsume(_) | Self::Line)
    }
}

/// A stream that a script is run on: what it has read, and the bytes that it writes.
struct Run<T> {
    stream: T,
    got: Vec<u8>,
    written: usize,
    content: Vec<u8>,
}

impl<T: AsyncBufRead + AsyncWrite + Unpin> Run<T> {
    fn new(stream: T) -> Self {
        Self { stream, got: Vec::new(), written: 0, content: pattern(400_000) }
    }

    /// Makes one step; what a caller sees of it, but for lengths of reads that depend on the length
    /// of a buffer.
    async fn step(&mut self, step: &Step) -> Result<usize, std::io::ErrorKind> {
        self.try_step(step).await.map_err(|error| error.kind())
    }

    async fn try_step(&mut self, step: &Step) -> std::io::Result<usize> {
        let Self { stream, got, written, content } = self;
        match *step {
            Step::Read(len) => {
                let mut buf = vec![0; len];
                let count = stream.read(&mut buf).await?;
                got.extend_from_slice(&buf[..count]);
                Ok(usize::from(count > 0))
            }
            Step::ReadExact(len) => {
                let mut buf = BytesMut::with_capacity(len);
                let mut take = (&mut *stream).take(len as u64);
                while take.read_buf(&mut buf).await? > 0 {}
                got.extend_from_slice(&buf);
                Ok(buf.len())
            }
            Step::FillAndConsume(len) => {
                let filled = stream.fill_buf().await?;
                let count = filled.len().min(len);
                got.extend_from_slice(&filled[..count]);
                let has_more = !filled.is_empty();
                stream.consume(count);
                Ok(usize::from(has_more))
            }
            Step::Line => stream.read_until(250, got).await,
            Step::Write(len) => {
                stream.write_all(&content[*written..*written + len]).await?;
                *written += len;
                Ok(len)
            }
            Step::WriteVectored(ref lens) => {
                let mut rest = &content[*written..];
                let slices: Vec<IoSlice<'_>> = lens
                    .iter()
                    .map(|&len| {
                        let (piece, behind) = rest.split_at(len);
                        rest = behind;
                        IoSlice::new(piece)
                    })
                    .collect();
                let count = stream.write_vectored(&slices).await?;
                // What was not taken is written next, as a caller would.
                let len = lens.iter().sum();
                assert!(count > 0 || len == 0);
                stream.write_all(&content[*written + count..*written + len]).await?;
                *written += len;
                Ok(len)
            }
            Step::Flush => stream.flush().await.map(|()| 0),
            Step::Shutdown => stream.shutdown().await.map(|()| 0),
        }
    }
}

/// Runs random scripts on both, over transports made alike.
async fn run_beside(make: impl Fn(&mut SmallRng, &[u8], u64) -> Faulty, pool: &Pool) {
    let is_tight = pool.budget() < 16 * KIB;
    let mut dice = SmallRng::seed_from_u64(seed());
    for _ in 0..50 {
        let content = pattern(dice.random_range(0..150_000));
        let transport_seed = dice.random();
        let mut twin = dice.clone();
        let theirs = tokio::io::BufStream::new(make(&mut dice, &content, transport_seed));
        let ours = BufStream::new(make(&mut twin, &content, transport_seed), pool);
        let (mut theirs, mut ours) = (Run::new(theirs), Run::new(ours));
        for at in 0..dice.random_range(1..30) {
            let step = Step::random(&mut dice);
            if ours.written + 100_000 > ours.content.len() {
                break;
            }
            if is_tight && step.reads() {
                // The only blocks may be those of what is unsent.
                theirs.step(&Step::Flush).await.unwrap();
                ours.step(&Step::Flush).await.unwrap();
            }
            let (expected, result) = (theirs.step(&step).await, ours.step(&step).await);
            // After lengths that may differ, both are brought to the same place.
            let same = ours.got.len().max(theirs.got.len());
            ours.try_step(&Step::ReadExact(same - ours.got.len())).await.unwrap();
            theirs.try_step(&Step::ReadExact(same - theirs.got.len())).await.unwrap();
            assert_eq!(result, expected, "step {at}, {step:?}");
            assert!(
                ours.got == theirs.got && ours.got[..] == content[..same],
                "step {at}, {step:?}"
            );
            if matches!(step, Step::Flush | Step::Shutdown) {
                assert!(ours.stream.get_ref().sent() == theirs.stream.get_ref().sent());
                assert_eq!(ours.stream.get_ref().end(), theirs.stream.get_ref().end());
            }
        }
        let written = ours.written;
        let BufStreamParts { inner, unread, unsent } = ours.stream.into_parts();
        assert!(
            [inner.sent(), &unsent.to_vec()].concat() == ours.content[..written],
            "nothing unsent is lost"
        );
        assert!(
            [&ours.got, &unread.to_vec(), inner.unread()].concat() == content,
            "nothing unread is lost"
        );
        drop((unread, unsent));
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn random_scripts_come_to_the_same_as_with_tokios() {
    let pool = Pool::new(8 << 20).unwrap();
    run_beside(|_, content, seed| Faulty::random(content, seed), &pool).await;
    run_beside(|dice, content, _| Faulty::new(content).cut(dice.random_range(1..20_000)), &pool)
        .await;
    run_beside(|_, content, _| Faulty::new(content).vectored(), &pool).await;
}

#[tokio::test]
async fn random_scripts_come_to_the_same_when_blocks_are_tiny_and_few() {
    for budget in [64, 128, 4096] {
        let pool = Pool::builder().budget(budget).classes([64]).build().unwrap();
        run_beside(|_, content, seed| Faulty::random(content, seed), &pool).await;
    }
}

/// `BufReader` and `BufWriter` call both `buffer`, and a `BufStream` of tokio has neither.
#[tokio::test]
async fn both_buffers_have_a_name_of_their_own() {
    let pool = Pool::new(8 << 20).unwrap();
    let all =
        |chain: &leasehold::ChainMut| -> Vec<u8> { chain.chunks().flatten().copied().collect() };
    let ((near, mut far), (theirs_near, mut theirs_far)) =
        (tokio::io::duplex(100), tokio::io::duplex(100));
    let mut ours = BufStream::new(near, &pool);
    let (reader, writer) = tokio::io::split(theirs_near);
    let (mut reader, mut writer) =
        (tokio::io::BufReader::new(reader), tokio::io::BufWriter::new(writer));
    far.write_all(b"hello").await.unwrap();
    theirs_far.write_all(b"hello").await.unwrap();
    assert_eq!((ours.read_u8().await.unwrap(), reader.read_u8().await.unwrap()), (b'h', b'h'));
    ours.write_all(b"bye").await.unwrap();
    writer.write_all(b"bye").await.unwrap();
    assert_eq!(
        (all(ours.read_buffer()), all(ours.write_buffer())),
        (b"ello".to_vec(), b"bye".to_vec())
    );
    assert_eq!((reader.buffer(), writer.buffer()), (&b"ello"[..], &b"bye"[..]));
    ours.flush().await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!((all(ours.read_buffer()), all(ours.write_buffer())), (b"ello".to_vec(), Vec::new()));
    assert_eq!((reader.buffer(), writer.buffer()), (&b"ello"[..], &b""[..]));
    // What is consumed beyond what was seen is nothing.
    AsyncBufRead::consume(Pin::new(&mut ours), 100);
    AsyncBufRead::consume(Pin::new(&mut reader), 100);
    far.write_all(b"more").await.unwrap();
    theirs_far.write_all(b"more").await.unwrap();
    assert_eq!(
        (ours.fill_buf().await.unwrap(), reader.fill_buf().await.unwrap()),
        (&b"more"[..], &b"more"[..])
    );
    drop(ours);
    assert_eq!(pool.leased(), 0);
}
