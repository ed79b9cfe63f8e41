//! `Outgoing`: frames on their way out.
//!
//! # Invariants
//! - HEADER-IN-FRONT: a header goes out in front of its payload, needs no block, and causes no copy
//!   of the payload.
//! - LEN-LEFT: `len` is the sum of all bytes that are left of headers and payloads. Each queued
//!   frame has a byte left.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Buf;

use super::header::{HEADER_LEN_MAX, Header, OpCode};
use crate::chain::Chain;

/// The most pongs that wait. Of more pings only the last ones are answered (RFC 6455 §5.5.3).
const PONGS_MAX: usize = 16;

/// What each frame counts beside its bytes: its place in the queue, and its share of a call. An
/// outbox counts the same for a segment.
const FRAME_COST: usize = 64;

#[derive(Debug, Default)]
pub(in crate::ws) struct Outgoing {
    frames: VecDeque<Frame>,
    len: usize,
    written: usize,
}

/// A frame, or the rest of one.
#[derive(Debug)]
pub(in crate::ws) struct Frame {
    opcode: OpCode,
    head: [u8; HEADER_LEN_MAX],
    /// How many bytes of the header are written.
    begin: u8,
    end: u8,
    payload: Chain,
    written: usize,
}

impl Outgoing {
    /// What counts toward the limit: the bytes to be written, and more for each frame. Otherwise
    /// empty messages would be free.
    pub(in crate::ws) fn cost(&self) -> usize {
        self.len + FRAME_COST * self.frames.len()
    }

    /// Whether a message or a part of one is queued; control frames do not count.
    pub(in crate::ws) fn has_messages(&self) -> bool {
        self.frames.iter().any(|frame| !frame.opcode.is_control())
    }

    /// Bytes that were written since the queue was last empty.
    pub(in crate::ws) fn written(&self) -> usize {
        self.written
    }

    /// Queues a frame, or the rest of one. If too many pongs wait, the oldest is dropped.
    pub(in crate::ws) fn push(&mut self, frame: Frame) {
        if frame.opcode == OpCode::Pong {
            self.drop_pong();
        }
        self.len += frame.remaining();
        self.written += frame.written;
        self.frames.push_back(frame);
    }

    /// Drops the oldest waiting pong, if [`PONGS_MAX`] of them wait.
    fn drop_pong(&mut self) {
        // A pong that is partly written is written to its end.
        let is_waiting = |frame: &Frame| frame.opcode == OpCode::Pong && frame.begin == 0;
        if self.frames.iter().filter(|frame| is_waiting(frame)).count() >= PONGS_MAX
            && let Some(oldest) = self.frames.iter().position(is_waiting)
            && let Some(frame) = self.frames.remove(oldest)
        {
            self.len -= frame.remaining();
        }
    }
}

impl Frame {
    /// If the header says that the payload is masked, it is masked already.
    #[inline]
    pub(in crate::ws) fn new(header: Header, payload: Chain) -> Self {
        debug_assert_eq!(header.len, payload.len() as u64);
        let mut head = [0; HEADER_LEN_MAX];
        let end = header.write(&mut head) as u8;
        Self { opcode: header.opcode, head, begin: 0, end, payload, written: 0 }
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &self.head[usize::from(self.begin)..usize::from(self.end)]
    }
}

impl Buf for Frame {
    #[inline]
    fn remaining(&self) -> usize {
        usize::from(self.end - self.begin) + self.payload.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        if self.head().is_empty() { self.payload.chunk() } else { self.head() }
    }

    #[inline]
    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        if !self.head().is_empty() && !dst.is_empty() {
            dst[0] = IoSlice::new(self.head());
            count = 1;
        }
        count + self.payload.chunks_vectored(&mut dst[count..])
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        let of_head = count.min(usize::from(self.end - self.begin));
        self.begin += of_head as u8;
        self.payload.advance(count - of_head);
        self.written += count;
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.frames.front().map_or(&[], Frame::chunk)
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for frame in &self.frames {
            count += frame.chunks_vectored(&mut dst[count..]);
            if count == dst.len() {
                break;
            }
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len, "advance {count} of {} bytes", self.len);
        self.len -= count;
        self.written += count;
        while let Some(frame) = self.frames.front_mut() {
            let of_frame = count.min(frame.remaining());
            frame.advance(of_frame);
            count -= of_frame;
            if frame.has_remaining() {
                return;
            }
            self.frames.pop_front();
        }
    }
}
