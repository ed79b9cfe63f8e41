//! `Inflating`: a compressed message that came, while it is inflated.
//!
//! # Invariants
//! - AS-INFLATED: memory is leased for bytes that have come out, and for as many again, at most
//!   [`AHEAD_MAX`] (LATE). It is never leased for what the input may hold.
//! - SAME-BYTES: a message that is begun anew comes out as it did before. The bytes that are there
//!   already stay, and are skipped.
//! - LAST-BLOCK: if the payload ends with a final block, the message ends there (RFC 7692
//!   §7.2.3.4). Otherwise it ends behind the block whose end the sender has cut off. Bytes behind a
//!   final block in the same message are the next block, as §7.2.3.4 has it: they are inflated and
//!   counted like all others. Node's ws and Python's websockets ignore them.
//! - OURS: the bytes that are added here to see whether a message is whole yield no byte of it.
//! - SLICED: a poll inflates one slice. Each time that the decompressor is lost, the next slices
//!   are twice as long, so that the message comes to its end.

use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut};

use super::{
    decompressor::{Decompressor, Inflated},
    place::{CompressorSlot, Kept, Taken},
};
use crate::{
    chain::{Chain, ChainLeaseFuture, ChainMut},
    pool::LeaseError,
    ws::protocol::{error::Error, reading::Incoming, utf8::Utf8Check, violation::Violation},
};

/// Added to a payload that does not end with a final block. First the end of an empty block that
/// the sender has cut off (RFC 7692 §7.2.2). Then an empty final block: if its end is reached, the
/// payload was whole.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// How much of the tail is ours, and not the sender's.
const TAIL_OURS_LEN: usize = 5;

/// How many bytes, in or out, a poll inflates. Measured, that takes 130 us for text, and 2.5 ms for
/// the slowest input: empty blocks, each with trees of its own.
const SLICE_LEN: usize = 64 << 10;

/// The most bytes that are leased before they are needed.
const AHEAD_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Inflating {
    is_text: bool,
    payload: Chain,
    /// The part of the payload that is not inflated yet; behind it, the part of the tail.
    input: Chain,
    tail: &'static [u8],
    /// The last output was the end of a stream.
    has_ended: bool,
    output: ChainMut,
    utf8: Utf8Check,
    /// How many bytes have come out since the message was last begun anew.
    seen: usize,
    /// How often the message was begun anew.
    losses: u32,
    /// How many bytes wait for memory.
    missing: usize,
    lease: Option<Box<ChainLeaseFuture>>,
    place: CompressorSlot<Decompressor>,
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice {
    /// The message is whole.
    Whole,
    /// The slice is full.
    Full,
    /// There is no room for this many bytes.
    Short(usize),
}

impl Inflating {
    /// `output` is empty, and leases from the account of the socket.
    pub(super) fn new(
        is_text: bool,
        payload: Chain,
        output: ChainMut,
        place: CompressorSlot<Decompressor>,
    ) -> Self {
        Self {
            is_text,
            input: payload.clone(),
            payload,
            tail: TAIL,
            has_ended: false,
            output,
            utf8: Utf8Check::default(),
            seen: 0,
            losses: 0,
            missing: 0,
            lease: None,
            place,
        }
    }

    /// Inflates the next slice; returns the message, of at most `max_message_size` bytes, once it
    /// is whole.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        max_message_size: usize,
    ) -> Poll<Result<Incoming, Error>> {
        // An empty payload: a sender had nothing to flush, and so nothing to cut off. As many
        // receivers do, this takes it for an empty message.
        if self.payload.is_empty() {
            return Poll::Ready(Ok(self.finish()));
        }
        loop {
            // The decompressor is on the shelf meanwhile, where other messages can get it.
            ready!(self.output.poll_reserve(cx, &mut self.lease, self.missing))?;
            self.missing = 0;
            let mut held = match ready!(self.place.poll_take(cx, Decompressor::new)) {
                Taken::Begun(held) => held,
                Taken::Other(mut held) => {
                    held.begin();
                    self.begin_anew();
                    held
                }
            };
            match self.inflate(&mut held, max_message_size)? {
                Slice::Whole => {
                    drop(held);
                    self.utf8.finish().map_err(|_| Violation::Utf8)?;
                    return Poll::Ready(Ok(self.finish()));
                }
                Slice::Full => {
                    self.place.leave(held, Kept::Briefly);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Slice::Short(missing) => {
                    self.place.leave(held, Kept::WhileIdle);
                    self.missing = missing;
                }
            }
        }
    }

    fn finish(&mut self) -> Incoming {
        Incoming::Data {
            is_text: self.is_text,
            is_compressed: false,
            payload: self.output.split().freeze(),
        }
    }

    fn begin_anew(&mut self) {
        if self.input.len() < self.payload.len() {
            self.input = self.payload.clone();
            self.losses += 1;
        }
        (self.tail, self.seen, self.has_ended) = (TAIL, 0, false);
    }

    fn inflate(
        &mut self,
        decompressor: &mut Decompressor,
        max_message_size: usize,
    ) -> Result<Slice, Error> {
        let slice_len = SLICE_LEN.saturating_mul(1 << self.losses.min(20));
        let (mut taken, mut seen) = (0, 0);
        loop {
            let count = decompressor.output().len();
            let missing = self.store(decompressor, max_message_size)?;
            if missing > 0 {
                return Ok(Slice::Short(missing));
            }
            seen += count;
            if self.is_whole() {
                return Ok(Slice::Whole);
            }
            if taken.max(seen) >= slice_len {
                return Ok(Slice::Full);
            }
            let input = match self.input.chunk() {
                [] if decompressor.may_have_more() => &[],
                [] => self.next_of_tail(),
                input => &input[..input.len().min(SLICE_LEN)],
            };
            let inflated = decompressor.inflate(input)?;
            taken += inflated.taken;
            self.advance(inflated);
            if self.tail.len() < TAIL_OURS_LEN && !decompressor.output().is_empty() {
                return Err(Violation::Inflate.into()); // OURS
            }
        }
    }

    /// The end that the sender has cut off, and then the rest of the tail.
    fn next_of_tail(&self) -> &'static [u8] {
        match self.tail.len().saturating_sub(TAIL_OURS_LEN) {
            0 => self.tail,
            theirs => &self.tail[..theirs],
        }
    }

    /// LAST-BLOCK.
    fn is_whole(&self) -> bool {
        self.has_ended
            && self.input.is_empty()
            && (self.tail.len() == TAIL.len() || self.tail.is_empty())
    }

    fn advance(&mut self, Inflated { taken, has_ended }: Inflated) {
        self.has_ended = has_ended;
        if self.input.is_empty() {
            self.tail = &self.tail[taken..];
        } else {
            self.input.advance(taken);
        }
    }

    /// Stores the output. Returns for how many bytes there is no memory now.
    fn store(
        &mut self,
        decompressor: &mut Decompressor,
        max_message_size: usize,
    ) -> Result<usize, Error> {
        let known = decompressor.output().len().min(self.output.len() - self.seen);
        decompressor.consume(known);
        self.seen += known;
        let bytes = decompressor.output();
        let len = self.output.len() + bytes.len();
        if len > max_message_size {
            return Err(Error::too_long("a message", len as u64, max_message_size));
        }
        match self.make_room(bytes.len()) {
            Err(error) if error.is_exhausted() || error.is_over_limit() => return Ok(bytes.len()),
            made => made?,
        }
        if self.is_text {
            self.utf8.push(bytes).map_err(|_| Violation::Utf8)?;
        }
        self.output.put_slice(bytes);
        let count = bytes.len();
        self.seen += count;
        decompressor.consume(count);
        Ok(0)
    }

    fn make_room(&mut self, len: usize) -> Result<(), LeaseError> {
        if len <= self.output.remaining_mut() {
            return Ok(());
        }
        let ahead = self.output.len().clamp(len, AHEAD_MAX);
        self.output.try_reserve_untold(ahead).or_else(|_| self.output.try_reserve_untold(len))
    }
}
