//! `Inflating`: a compressed message that came, on its way to be one.
//!
//! # Invariants
//! - LATE: memory is leased for bytes that have come out, and for as many again, at most
//!   [`AHEAD_MAX`]; never for what the input may hold.
//! - SAME-BYTES: a message that is begun anew comes out as it did before: what has come out stays,
//!   and is passed over.
//! - LAST-BLOCK: a message ends with its payload where that ends with a final block (RFC 7692
//!   §7.2.3.4), else behind the block whose end the sender has cut off. What follows a final block
//!   in the same message is the next block, as §7.2.3.4 has it: it is inflated and counted as all
//!   before it was. Node's ws and Python's websockets ignore it.
//! - OURS: no byte of a message comes out of what is added to see whether it is whole.
//! - NO-FREEZE: a poll inflates a slice. Each time that the decompressor is lost, the next slices
//!   are twice as long, so that it ends.

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

/// What follows a payload that does not end with a final block: RFC 7692 §7.2.2, the end of an
/// empty block that the sender has cut off; and an empty block that is the last, by whose end it is
/// seen that the payload was whole.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// So much of the tail is not the sender's.
const TAIL_OURS_LEN: usize = 5;

/// Bytes, in or out, that a poll inflates. Measured, that takes 130 us for text, and 2.5 ms for
/// what inflates slowest: empty blocks, each with trees of its own.
const SLICE_LEN: usize = 64 << 10;

/// The most that is leased before it is needed.
const AHEAD_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Inflating {
    is_text: bool,
    payload: Chain,
    /// What of the payload is not inflated yet, and then of the tail.
    input: Chain,
    tail: &'static [u8],
    /// The last that came out was the end of a stream.
    has_ended: bool,
    output: ChainMut,
    utf8: Utf8Check,
    /// Bytes that have come out since the message was begun anew.
    seen: usize,
    /// How often it was.
    losses: u32,
    /// Bytes that wait for memory.
    missing: usize,
    lease: Option<Box<ChainLeaseFuture>>,
    place: CompressorSlot<Decompressor>,
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice {
    /// With the message.
    Whole,
    /// It was long enough.
    Full,
    /// So many bytes have no room.
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

    /// Goes on; the message once it is whole, which has at most `max_message_size` bytes.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        max_message_size: usize,
    ) -> Poll<Result<Incoming, Error>> {
        // A sender that flushes when there is nothing to flush has nothing to cut off: many
        // receivers take it for an empty message.
        if self.payload.is_empty() {
            return Poll::Ready(Ok(self.finish()));
        }
        loop {
            // The decompressor is on the shelf meanwhile, for whoever needs it.
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

    /// What the sender has cut off, and then the rest.
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

    /// Takes what came out. Says for how many bytes there is no memory now.
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
