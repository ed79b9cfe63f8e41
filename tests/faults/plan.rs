//! `Plan`: the one thing that goes wrong in a trial, and the counts that lead up to it.

use std::{
    io,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

/// See the module. By default nothing goes wrong.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How long a message is.
    pub(crate) len: usize,
    /// How many bytes a call of the transport moves at most.
    pub(crate) cut: usize,
    /// A place in the stream, either way, that no call goes beyond at once.
    pub(crate) cut_at: Option<usize>,
    /// Whether each call of the transport answers `Pending` first.
    pub(crate) is_pending: bool,
    pub(crate) is_vectored: bool,
    /// Which call of the transport fails, and with what.
    pub(crate) failing: Option<(usize, Errno)>,
    /// From which write, flush or shutdown on the transport fails for good.
    pub(crate) deaf_from: Option<usize>,
    /// Which call of the user's code panics.
    pub(crate) panicking: Option<usize>,
    /// Whether wakers are the user's code, too.
    pub(crate) has_wakers: bool,
    /// At which of their moments the futures that may be made anew are dropped.
    pub(crate) dropping: Option<usize>,
    pub(crate) counts: Counts,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    calls: AtomicUsize,
    /// Those of them that say something to the peer.
    writes: AtomicUsize,
    user_calls: AtomicUsize,
    moments: AtomicUsize,
    /// How far the streams have come.
    reached: AtomicUsize,
}

/// An error of the system, with its number where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errno {
    Kind(io::ErrorKind),
    Number(i32),
}

impl Errno {
    fn to_error(self) -> io::Error {
        match self {
            Self::Kind(kind) => kind.into(),
            Self::Number(number) => io::Error::from_raw_os_error(number),
        }
    }

    pub(crate) fn is(self, error: &io::Error) -> bool {
        match self {
            Self::Kind(kind) => error.kind() == kind,
            Self::Number(number) => error.raw_os_error() == Some(number),
        }
    }
}

/// What a planned panic carries. It is no message: the panic is not printed.
#[derive(Debug)]
pub(crate) struct Planned;

impl Plan {
    /// Messages of `len` bytes, and nothing that goes wrong.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len,
            cut: usize::MAX,
            cut_at: None,
            is_pending: false,
            is_vectored: false,
            failing: None,
            deaf_from: None,
            panicking: None,
            has_wakers: false,
            dropping: None,
            counts: Counts::default(),
        }
    }

    /// A call of a transport begins.
    pub(crate) fn call(&self) -> io::Result<()> {
        let call = self.counts.calls.fetch_add(1, Relaxed);
        self.user_code();
        match self.failing {
            Some((at, errno)) if at == call => Err(errno.to_error()),
            _ => Ok(()),
        }
    }

    /// A write, a flush or a shutdown begins.
    pub(crate) fn write_call(&self) -> io::Result<()> {
        let write = self.counts.writes.fetch_add(1, Relaxed);
        match self.deaf_from {
            Some(from) if from <= write => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }

    /// Code of the user's runs. It does not panic in a drop that another panic makes: that would
    /// end the program, whatever was left.
    pub(crate) fn user_code(&self) {
        let call = self.counts.user_calls.fetch_add(1, Relaxed);
        if self.panicking == Some(call) && !thread::panicking() {
            resume_unwind(Box::new(Planned));
        }
    }

    /// Whether a future that may be made anew is to be dropped now.
    pub(crate) fn is_to_be_dropped(&self) -> bool {
        self.dropping == Some(self.counts.moments.fetch_add(1, Relaxed))
    }

    /// How many bytes a call may move, at this place in the stream.
    pub(crate) fn allowed(&self, place: usize) -> usize {
        match self.cut_at {
            Some(at) if place < at => self.cut.min(at - place),
            _ => self.cut,
        }
    }

    /// Bytes were moved, up to this place in a stream.
    pub(crate) fn note_reached(&self, place: usize) {
        self.counts.reached.fetch_max(place, Relaxed);
    }

    pub(crate) fn reached(&self) -> usize {
        self.counts.reached.load(Relaxed)
    }

    /// Whether what was to go wrong has.
    pub(crate) fn has_struck(&self) -> bool {
        let is_past =
            |at: Option<usize>, count: &AtomicUsize| at.is_some_and(|at| count.load(Relaxed) > at);
        is_past(self.failing.map(|(at, _)| at), &self.counts.calls)
            || is_past(self.deaf_from, &self.counts.writes)
            || is_past(self.panicking, &self.counts.user_calls)
            || is_past(self.dropping, &self.counts.moments)
    }
}
