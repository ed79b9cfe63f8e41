//! Calling wakers, which may run anybody's code.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

/// Calls a waker. It may panic; but not while another panic is on its way to whoever should know, for a second one would abort the process.
pub(crate) fn wake(waker: Waker) {
    if std::thread::panicking() {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    } else {
        waker.wake();
    }
}
