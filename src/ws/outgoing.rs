//! `Outgoing`: frames on their way out.
//!
//! # Invariants
//! - HEADER-IN-FRONT: a header goes out in front of its payload, which is not copied for it; it needs no block.
//! - LEN: `len` is the sum of what is left of all headers and payloads; no frame has nothing left.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Buf;

use super::header::{HEADER_LEN_MAX, Header, OpCode};
use crate::chain::Chain;

/// As many pongs wait at most; of more pings only the last ones are answered (RFC 6455 §5.5.3).
const PONGS_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    frames: VecDeque<Frame>,
    len: usize,
    written: usize,
}

#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    head: [u8; HEADER_LEN_MAX],
    /// What is left of the head.
    begin: u8,
    end: u8,
    payload: Chain,
}

impl Outgoing {
    /// Bytes to be written.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that were written since anything was queued.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Queues a frame; the payload is masked already if the header says so.
    pub(super) fn push(&mut self, header: Header, payload: Chain) {
        debug_assert_eq!(header.len, payload.len() as u64);
        let mut head = [0; HEADER_LEN_MAX];
        let end = header.write(&mut head) as u8;
        self.len += usize::from(end) + payload.len();
        self.frames.push_back(Frame { opcode: header.opcode, head, begin: 0, end, payload });
    }

    /// Queues a pong; drops the oldest of too many that wait.
    pub(super) fn push_pong(&mut self, header: Header, payload: Chain) {
        // One of which a byte was written is written to its end.
        let is_waiting = |frame: &Frame| frame.opcode == OpCode::Pong && frame.begin == 0;
        if self.frames.iter().filter(|frame| is_waiting(frame)).count() >= PONGS_MAX
            && let Some(oldest) = self.frames.iter().position(is_waiting)
            && let Some(frame) = self.frames.remove(oldest)
        {
            self.len -= frame.len();
        }
        self.push(header, payload);
    }
}

impl Frame {
    fn head(&self) -> &[u8] {
        &self.head[usize::from(self.begin)..usize::from(self.end)]
    }

    fn len(&self) -> usize {
        self.head().len() + self.payload.len()
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        match self.frames.front() {
            None => &[],
            Some(frame) if frame.head().is_empty() => frame.payload.chunk(),
            Some(frame) => frame.head(),
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for frame in &self.frames {
            if count < dst.len() && !frame.head().is_empty() {
                dst[count] = IoSlice::new(frame.head());
                count += 1;
            }
            count += frame.payload.chunks_vectored(&mut dst[count..]);
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
            let of_head = count.min(frame.head().len());
            frame.begin += of_head as u8;
            let of_payload = (count - of_head).min(frame.payload.len());
            frame.payload.advance(of_payload);
            count -= of_head + of_payload;
            if frame.len() > 0 {
                return;
            }
            self.frames.pop_front();
        }
    }
}
