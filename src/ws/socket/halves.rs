//! `Halves`: the tasks that wait until a socket has sent its queue.
//!
//! A split socket has two tasks: one sends; the other one receives, and answers pings. A transport
//! remembers only the last task that it told to wait.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use crate::util::wake_list::wake;

/// Which half of a socket a task has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum Half {
    Stream,
    Sink,
}

#[derive(Debug, Default)]
pub(in crate::ws) struct Halves {
    stream: Option<Waker>,
    sink: Option<Waker>,
}

impl Halves {
    /// Notes a task that waits. If the other one waits too, returns a waker of both.
    pub(in crate::ws) fn wait(&mut self, half: Half, waker: &Waker) -> Option<Waker> {
        self.note(half, waker);
        let other = match half {
            Half::Stream => &self.sink,
            Half::Sink => &self.stream,
        };
        other.as_ref().filter(|other| !other.will_wake(waker))?;
        self.both()
    }

    /// Notes a task that waits for something else than the transport.
    pub(in crate::ws) fn note(&mut self, half: Half, waker: &Waker) {
        let own = match half {
            Half::Stream => &mut self.stream,
            Half::Sink => &mut self.sink,
        };
        own.get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    /// Returns a waker of both tasks, if both wait.
    pub(in crate::ws) fn both(&self) -> Option<Waker> {
        let (stream, sink) = self.stream.as_ref().zip(self.sink.as_ref())?;
        Some(Waker::from(Arc::new(Both(stream.clone(), sink.clone()))))
    }

    pub(in crate::ws) fn is_empty(&self) -> bool {
        self.stream.is_none() && self.sink.is_none()
    }

    /// Wakes the task of the other half: the queue is sent, or never will be.
    pub(in crate::ws) fn wake_other(self, half: Half) {
        let other = match half {
            Half::Stream => self.sink,
            Half::Sink => self.stream,
        };
        if let Some(other) = other {
            wake(other);
        }
    }
}

struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // If the first waker panics, the second one is woken during the unwinding.
        let _second = OnDrop(&self.1);
        self.0.wake_by_ref();
    }
}

/// Wakes a task when it is dropped.
struct OnDrop<'a>(&'a Waker);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        wake(self.0.clone());
    }
}
