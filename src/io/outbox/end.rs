//! `End`: why an outbox takes no more items.

use std::{error::Error, fmt, io, sync::Arc};

/// How an outbox has ended, or will end.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// A sender closed it. What is queued is still written.
    Closed,
    /// All that was queued is written, and the transport is shut down.
    Shut,
    /// It was full, and its policy is `Close`.
    Overflown,
    /// The writer was dropped.
    Abandoned,
    /// The transport failed.
    Failed(Arc<Failure>),
}

/// What is known of a transport's error after the code that runs the writer got it.
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

    /// The kind of the [`io::Error`] for this end.
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
