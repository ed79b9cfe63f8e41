//! Seeking, where the transport can: as tokio's `BufReader`, its `BufWriter`, and its `BufStream`.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncSeek;

use super::{BufStream, Seek};

impl<T: AsyncSeek + Unpin> AsyncSeek for BufStream<T> {
    /// Writes out what was collected, gives up what was read, and seeks.
    ///
    /// `SeekFrom::Current` counts from the first byte that was not given out, not from where the
    /// transport is.
    ///
    /// # Errors
    /// A seek is under way already.
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        if self.seek.is_some() {
            let why = "another seek is under way; poll it to its end with `poll_complete`";
            return Err(io::Error::other(why));
        }
        self.seek = Some(Box::new(Seek::Asked(position)));
        Ok(())
    }

    /// The new position. If no seek was asked for, the transport says what it says then, as
    /// tokio's.
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        let sought = ready!(this.poll_seek(cx));
        this.seek = None;
        Poll::Ready(sought)
    }
}

impl<T: AsyncSeek + Unpin> BufStream<T> {
    fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        loop {
            match self.seek.as_deref() {
                None => return Pin::new(&mut self.inner).poll_complete(cx),
                Some(&Seek::Asked(position)) => {
                    if let Some(send_all) = self.send_all {
                        ready!(send_all(self, cx))?;
                    }
                    ready!(Pin::new(&mut self.inner).poll_complete(cx))?;
                    let (position, rest) = self.as_seen_by_the_transport(position);
                    Pin::new(&mut self.inner).start_seek(position)?;
                    self.seek = Some(Box::new(Seek::Begun { rest }));
                }
                Some(&Seek::Begun { rest }) => {
                    let position = ready!(Pin::new(&mut self.inner).poll_complete(cx))?;
                    let unread = self.unread.len();
                    self.take_unread(unread);
                    if rest == 0 {
                        return Poll::Ready(Ok(position));
                    }
                    Pin::new(&mut self.inner).start_seek(SeekFrom::Current(rest))?;
                    self.seek = Some(Box::new(Seek::Begun { rest: 0 }));
                }
            }
        }
    }

    /// The transport is ahead by what was read and not given out. The number is what one seek
    /// cannot express.
    fn as_seen_by_the_transport(&self, position: SeekFrom) -> (SeekFrom, i64) {
        let SeekFrom::Current(offset) = position else { return (position, 0) };
        let ahead = i64::try_from(self.unread.len()).expect("a chain is no longer than isize::MAX");
        match offset.checked_sub(ahead) {
            Some(offset) => (SeekFrom::Current(offset), 0),
            None => (SeekFrom::Current(-ahead), offset),
        }
    }
}
