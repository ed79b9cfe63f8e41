//! `Broken`: a transport of which one direction fails, and the other does not.

// Not every test file needs all of it.
#![allow(dead_code)]

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives `arrived` out, a piece a read, then what comes last; and takes what is written, or fails.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    arrived: VecDeque<Vec<u8>>,
    last: Last,
    write_error: Option<io::ErrorKind>,
    /// What was written, and how often it was flushed and shut down since.
    pub(crate) written: Vec<u8>,
    pub(crate) flushes: usize,
    pub(crate) shutdowns: usize,
}

/// What a reader comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Last {
    #[default]
    End,
    Error(io::ErrorKind),
    /// It stays open, and is silent.
    Silence,
}

impl Broken {
    pub(crate) fn new<'a>(arrived: impl IntoIterator<Item = &'a [u8]>, last: Last) -> Self {
        Self { arrived: arrived.into_iter().map(<[u8]>::to_vec).collect(), last, ..Self::default() }
    }

    /// Every write, flush and shutdown fails so.
    pub(crate) fn failing_to_write(self, error: io::ErrorKind) -> Self {
        Self { write_error: Some(error), ..self }
    }

    fn answer<T>(&self, answer: T) -> Poll<io::Result<T>> {
        Poll::Ready(self.write_error.map_or(Ok(answer), |kind| Err(kind.into())))
    }
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.arrived.pop_front() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.arrived.push_front(rest);
            }
            return Poll::Ready(Ok(()));
        }
        match self.last {
            Last::End => Poll::Ready(Ok(())),
            // As a socket: an error is told once, and the end is behind it.
            Last::Error(kind) => {
                self.last = Last::End;
                Poll::Ready(Err(kind.into()))
            }
            Last::Silence => Poll::Pending,
        }
    }
}

impl AsyncWrite for Broken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_error.is_none() {
            self.written.extend_from_slice(buf);
            (self.flushes, self.shutdowns) = (0, 0);
        }
        self.answer(buf.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        self.answer(())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdowns += 1;
        self.answer(())
    }
}
