//! Calls that are made again because a signal interrupted them.
//!
//! # Invariants
//! - AGAIN: a read or a write that fails with `Interrupted` is no failure, on any transport. The
//!   call is made again, as tokio's `copy`, `write_all` and `read_exact` make it. A flush or a
//!   shutdown is not made again: tokio tells of it too.

use std::{
    io,
    task::{Context, Poll},
};

/// The most calls of one poll. A transport that is interrupted more often lets other tasks run, and
/// its own task can be stopped.
const CALLS_MAX: usize = 32;

/// Makes a call until it is not interrupted (AGAIN).
#[inline]
pub(crate) fn poll_again<R>(
    cx: &mut Context<'_>,
    mut call: impl FnMut(&mut Context<'_>) -> Poll<io::Result<R>>,
) -> Poll<io::Result<R>> {
    for _ in 0..CALLS_MAX {
        match call(cx) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => return polled,
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
