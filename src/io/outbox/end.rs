//! `End`: why an outbox takes nothing any more.

use std::{error::Error, fmt, io, sync::Arc};

/// How an outbox ended, or is about to.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// A sender closed it; what is queued is still to be written.
    Closed,
    /// That is done, and the transport is shut down.
    Shut,
    /// It was full, and its policy is to close.
    Overflown,
    /// The writer was dropped.
    Abandoned,
    /// The transport failed.
    Failed(Arc<Failure>),
}

/// What can be said of a transport's error after it was handed to whoever runs the writer.
#[derive(Debug)]
pub(super) struct Failure {
    kind: io::ErrorKind,
    text: Box<str>,
}

impl End {
    pub(super) fn failed(error: &io::Error) -> Self {
        Self::Failed(Arc::new(Failure { kind: error.kind(), text: error.to_string().into() }))
    }

    /// Whether what was queued is not sent.
    pub(super) fn is_cut(&self) -> bool {
        !matches!(self, Self::Closed | Self::Shut)
    }

    /// What this is to code that knows only I/O errors.
    pub(super) fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Closed | Self::Shut | Self::Abandoned => io::ErrorKind::BrokenPipe,
            Self::Overflown => io::ErrorKind::ConnectionAborted,
            Self::Failed(failure) => failure.kind,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed | Self::Shut => "the outbox is closed",
            Self::Overflown => "the outbox was full and cut off its peer, which reads too slowly",
            Self::Abandoned => "the outbox is closed: its writer is gone",
            Self::Failed(_) => "the outbox is closed: its transport failed",
        })
    }
}

impl Error for End {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(&**failure),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}

impl From<End> for io::Error {
    fn from(end: End) -> Self {
        io::Error::new(end.io_kind(), end)
    }
}
