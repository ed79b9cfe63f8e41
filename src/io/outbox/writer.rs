//! `OutboxWriter`: sends the items of an outbox.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::{
    batch::Batch,
    end::End,
    state::{OutboxState, Step},
};
use crate::{io::poll_write_buf, sync::Mutex, util::AfterUnlock};

/// The end of an [`Outbox`](super::Outbox) that writes to the peer. Run it with the transport, in
/// the task of the connection or in a task of its own.
///
/// Up to 64 segments of several items go into one call, and each block goes home with its last
/// byte. The transport is flushed when nothing is queued any more, or when a task waits for a
/// flush. While there is nothing to send, the writer holds no memory.
///
/// Dropping it closes the outbox: what is queued goes home, and all waiting senders get an error.
///
/// # Examples
/// ```
/// use leasehold::io::Outbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut near, _far) = tokio::io::duplex(64);
/// let (outbox, mut writer) = Outbox::channel(64 << 10);
/// outbox.try_send(bytes::Bytes::from("hello"))?;
/// drop(outbox); // the last sender: the writer ends when all is sent
/// writer.run(&mut near).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "without its writer, the outbox is closed"]
pub struct OutboxWriter {
    state: Arc<Mutex<OutboxState>>,
}

impl OutboxWriter {
    pub(super) fn new(state: Arc<Mutex<OutboxState>>) -> Self {
        Self { state }
    }

    /// Sends all items until the outbox ends:
    ///
    /// | | the writer | and returns |
    /// |---|---|---|
    /// | [`close`](super::Outbox::close) was called | writes the rest, flushes, shuts the transport down | `Ok` |
    /// | all senders are gone | writes the rest, flushes; the transport stays open, for other use | `Ok` |
    /// | the outbox was full, its policy is [`Close`](super::Policy::Close) | drops the rest at once | `ConnectionAborted` |
    /// | the transport fails | drops the rest; senders are told | that error |
    ///
    /// # Errors
    /// Those of the transport, `WriteZero` if it takes no more, and `ConnectionAborted`. After an
    /// error the stream may end within an item, so drop the transport.
    ///
    /// # Cancel safety
    /// Resumable. What was written is gone from the outbox, and the rest is there. Run it again
    /// with the same transport.
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use leasehold::io::Outbox;
    /// use tokio::io::AsyncReadExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut near, mut far) = tokio::io::duplex(64);
    /// let (outbox, mut writer) = Outbox::channel(64 << 10);
    /// let connection = tokio::spawn(async move { writer.run(&mut near).await.map(|()| near) });
    /// outbox.send(Bytes::from("hello")).await?;
    /// outbox.flush().await?;
    /// drop(outbox);
    /// let near = connection.await??; // still open
    /// drop(near);
    /// let mut got = String::new();
    /// far.read_to_string(&mut got).await?;
    /// assert_eq!(got, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<T: AsyncWrite + Unpin + ?Sized>(&mut self, io: &mut T) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_run(cx, Pin::new(io))).await
    }

    /// As [`run`](Self::run), for code that polls, as a connection that reads and writes in one
    /// task does.
    ///
    /// If it is polled again after it was ready, it returns the same.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Examples
    /// ```
    /// use leasehold::io::Outbox;
    /// use std::{future::poll_fn, pin::Pin};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut near, _far) = tokio::io::duplex(64);
    /// let (outbox, mut writer) = Outbox::channel(64 << 10);
    /// outbox.try_send(bytes::Bytes::from("hello"))?;
    /// outbox.close();
    /// poll_fn(|cx| writer.poll_run(cx, Pin::new(&mut near))).await?;
    /// assert_eq!(outbox.queued(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_run<T: AsyncWrite + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
    ) -> Poll<io::Result<()>> {
        let mut waker = Some(cx.waker().clone());
        self.state.lock().register(&mut waker);
        drop(waker);
        let ended = ready!(self.poll_steps(cx, io));
        if let Err(error) = &ended {
            self.cut(End::failed(error));
        }
        Poll::Ready(ended)
    }

    fn poll_steps<T: AsyncWrite + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut T>,
    ) -> Poll<io::Result<()>> {
        loop {
            let step = self.state.lock().step();
            match step {
                Step::Write(batch) => {
                    let mut call = Call::new(&self.state, batch);
                    if ready!(poll_write_buf(io.as_mut(), cx, &mut call.batch))? == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                }
                Step::Flush(upto) => {
                    ready!(io.as_mut().poll_flush(cx))?;
                    let mut after = AfterUnlock::default();
                    self.state.lock().note_flushed(upto, &mut after);
                    after.finish();
                }
                Step::Shutdown => {
                    ready!(io.as_mut().poll_shutdown(cx))?;
                    self.state.lock().note_shut();
                }
                Step::Wait => return Poll::Pending,
                Step::Leave | Step::Ended(End::Closed | End::Shut) => return Poll::Ready(Ok(())),
                Step::Ended(end) => return Poll::Ready(Err(end.into())),
            }
        }
    }

    fn cut(&self, end: End) {
        let mut after = AfterUnlock::default();
        {
            let mut state = self.state.lock();
            // The writer need not be woken for what it does itself.
            state.unregister(&mut after);
            state.cut(end, &mut after);
        }
        after.finish();
    }
}

impl Drop for OutboxWriter {
    fn drop(&mut self) {
        self.cut(End::Abandoned);
    }
}

impl fmt::Debug for OutboxWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWriter").field("queued", &self.state.lock().held()).finish()
    }
}

/// A call to the transport. Its drop does the accounting: what was not written is queued again in
/// front, also if the call panics.
struct Call<'a> {
    state: &'a Mutex<OutboxState>,
    batch: Batch,
    /// The number of items that the batch had.
    taken: usize,
}

impl<'a> Call<'a> {
    fn new(state: &'a Mutex<OutboxState>, batch: Batch) -> Self {
        let taken = batch.items.len();
        Self { state, batch, taken }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let mut after = AfterUnlock::default();
        self.state.lock().settle(batch, self.taken, &mut after);
        after.finish();
    }
}
