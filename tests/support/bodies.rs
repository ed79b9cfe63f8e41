//! Bodies for tests: frames as written down, that count how many of them are held, and say whatever
//! of their length.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use hyper::{
    HeaderMap,
    body::{Body, Frame, SizeHint},
};

/// Bytes that tell where they belong.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// What a scripted body does at a poll.
pub(crate) enum Step {
    Data(Vec<u8>),
    Trailers(HeaderMap),
    Pending,
    Fail,
}

/// A body that does what is written down.
#[derive(Default)]
pub(crate) struct Scripted {
    steps: VecDeque<Step>,
    hint: SizeHint,
    pub(crate) held: Arc<Held>,
}

/// How many frames are held now, and the most that ever were.
#[derive(Debug, Default)]
pub(crate) struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Held {
    pub(crate) fn now(&self) -> usize {
        self.now.load(Relaxed)
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    /// The pattern in frames of `frame` bytes, none of them ready at the first poll.
    pub(crate) fn stuttering(len: usize, frame: usize) -> Self {
        Self::new(
            pattern(len)
                .chunks(frame)
                .flat_map(|bytes| [Step::Pending, Step::Data(bytes.to_vec())]),
        )
    }

    /// Says so of its length, whatever it sends.
    pub(crate) fn saying(self, lower: u64, upper: Option<u64>) -> Self {
        let mut hint = SizeHint::new();
        hint.set_lower(lower);
        upper.into_iter().for_each(|upper| hint.set_upper(upper));
        Self { hint, ..self }
    }

    /// Says its length, as hyper does for a body with a Content-Length.
    pub(crate) fn sized(self) -> Self {
        let len = self
            .steps
            .iter()
            .map(|step| if let Step::Data(bytes) = step { bytes.len() as u64 } else { 0 })
            .sum();
        self.saying(len, Some(len))
    }
}

impl Body for Scripted {
    type Data = Counted;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Counted>>>> {
        Poll::Ready(match self.steps.pop_front() {
            None => None,
            Some(Step::Fail) => Some(Err(io::Error::other("the client went away"))),
            Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Data(bytes)) => {
                let len = bytes.len() as u64;
                let (lower, upper) = (self.hint.lower().saturating_sub(len), self.hint.upper());
                self.hint = SizeHint::new();
                self.hint.set_lower(lower);
                upper.into_iter().for_each(|upper| self.hint.set_upper(upper.saturating_sub(len)));
                Some(Ok(Frame::data(Counted::new(bytes, &self.held))))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// The bytes of a frame, in pieces, counted while they are held.
pub(crate) struct Counted {
    bytes: Bytes,
    held: Arc<Held>,
}

impl Counted {
    fn new(bytes: Vec<u8>, held: &Arc<Held>) -> Self {
        let now = held.now.fetch_add(1, Relaxed) + 1;
        held.most.fetch_max(now, Relaxed);
        Self { bytes: bytes.into(), held: Arc::clone(held) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.now.fetch_sub(1, Relaxed);
    }
}

impl Buf for Counted {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().min(7_001)]
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
