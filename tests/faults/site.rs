//! `Site`: what an operation is given: a pool, transports, and the plan that says what goes wrong.

use std::{
    error::Error,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use bytes::{BufMut, Bytes};
use leasehold::{Chain, LeaseError, Pool};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{place::Place, plan::Plan};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What an operation comes to, if it comes to its end.
pub(crate) type Done = Result<(), Failure>;

#[derive(Clone)]
pub(crate) struct Site<P> {
    pub(crate) pool: Pool,
    /// That of the peer, where no lease is refused.
    pub(crate) far_pool: Pool,
    pub(crate) plan: Arc<Plan>,
    pub(crate) place: P,
}

/// Runs an operation that may be dropped and called again without loss: it is, when the plan says
/// so.
macro_rules! again {
    ($site:expr, $future:expr) => {
        loop {
            if let Some(output) = $site.brief($future).await {
                break output;
            }
        }
    };
}

/// As `again`, for an operation that may be called again after a refusal of memory, too.
macro_rules! retry {
    ($site:expr, $future:expr) => {
        loop {
            match $crate::site::again!($site, $future) {
                Err(error) if $crate::site::is_refusal(&error) => tokio::task::yield_now().await,
                other => break other,
            }
        }
    };
}

pub(crate) use {again, retry};

impl<P: Place> Site<P> {
    /// A transport and its peer.
    pub(crate) async fn pair(&self) -> io::Result<(P::Near, P::Far)> {
        self.place.pair(&self.plan).await
    }

    /// Settings for a WebSocket: a peer that hears nothing more need not be waited for long, where
    /// the clock is real.
    pub(crate) fn config(&self) -> Arc<leasehold::ws::Config> {
        Arc::new(leasehold::ws::Config::new().close_timeout(std::time::Duration::from_secs(1)))
    }

    /// The bytes of message number `number`: letters, by which a place and a message are told from
    /// others.
    pub(crate) fn content(&self, number: usize) -> Vec<u8> {
        let letter =
            |at: usize| b'a' + ((at + number * 7919).wrapping_mul(2_654_435_761) >> 20) as u8 % 26;
        (0..self.plan.len).map(letter).collect()
    }

    /// The same, in an owner of the user's that has something to say in its drop.
    pub(crate) fn owned(&self, number: usize) -> Bytes {
        Bytes::from_owner(Owned { bytes: self.content(number), plan: Arc::clone(&self.plan) })
    }

    /// The same in leased blocks with an owner's bytes in between: from the peer's pool, so that
    /// what is refused is what the operation asks for.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn chain(&self, number: usize) -> Result<Chain, LeaseError> {
        self.chain_of(&self.far_pool, number)
    }

    pub(crate) fn chain_of(&self, pool: &Pool, number: usize) -> Result<Chain, LeaseError> {
        let content = self.owned(number);
        let (first, last) = (content.len() / 3, content.len() * 2 / 3);
        let mut head = pool.try_chain(first)?;
        head.put_slice(&content[..first]);
        let mut chain = head.freeze();
        chain.push(content.slice(first..last));
        for piece in content[last..].chunks(256) {
            let mut block = pool.try_lease(piece.len())?;
            block.put_slice(piece);
            chain.push(block.freeze());
        }
        Ok(chain)
    }

    /// Polls a future until it is ready, or until it is to be dropped.
    pub(crate) async fn brief<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if self.plan.is_to_be_dropped() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

/// Bytes of the user's.
struct Owned {
    bytes: Vec<u8>,
    plan: Arc<Plan>,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.plan.user_code();
    }
}

/// Runs a peer beside an operation, and waits for it; not if the operation failed.
pub(crate) async fn beside<R>(
    near: impl Future<Output = Result<R, Failure>>,
    far: impl Future<Output = Done>,
) -> Result<R, Failure> {
    // In boxes, so that each is dropped when it is done: its end of the transport with it.
    let (mut near, mut far) = (Box::pin(near), Some(Box::pin(far)));
    let mut ended = Ok(());
    let near = poll_fn(|cx| {
        if let Some(running) = &mut far
            && let Poll::Ready(end) = running.as_mut().poll(cx)
        {
            (ended, far) = (end, None);
        }
        near.as_mut().poll(cx)
    });
    let output = near.await?;
    if let Some(far) = far {
        ended = far.await;
    }
    ended.map(|()| output)
}

/// Bytes that are to come, compared as they do.
pub(crate) struct Awaited {
    bytes: Vec<u8>,
    came: usize,
}

impl Awaited {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), came: 0 }
    }

    /// # Panics
    /// If these are not the next ones.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        assert!(
            self.bytes[self.came..].starts_with(bytes),
            "other bytes than were sent, from {} on",
            self.came
        );
        self.came += bytes.len();
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.came
    }

    /// # Errors
    /// Not all have come.
    pub(crate) fn end(&self) -> Done {
        if self.left() > 0 { Err(Box::new(CutOff)) } else { Ok(()) }
    }
}

/// What a peer finds that is told nothing but an end.
#[derive(Debug)]
pub(crate) struct CutOff;

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the other end is gone before its time")
    }
}

impl Error for CutOff {}

/// Reads to the end, which is to come after these bytes.
pub(crate) async fn hear(io: &mut (impl AsyncRead + Unpin), expected: impl Into<Vec<u8>>) -> Done {
    let (mut awaited, mut room) = (Awaited::new(expected), [0; 700]);
    loop {
        let count = io.read(&mut room).await.map_err(|_| CutOff)?;
        if count == 0 {
            return awaited.end();
        }
        awaited.take(&room[..count]);
    }
}

/// Says all of it.
pub(crate) async fn say(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Done {
    io.write_all(bytes).await.map_err(|_| CutOff)?;
    Ok(())
}

/// The first of the errors behind this one that is an `E`, itself included.
pub(crate) fn find<'a, E: Error + 'static>(mut error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an `io::Error` is that of what it carries.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        error = match inner {
            Some(inner) => inner,
            None => error.source()?,
        };
    }
}

pub(crate) fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    find::<LeaseError>(error).is_some()
}
