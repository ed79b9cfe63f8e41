//! `Reading`: from bytes to messages.
//!
//! # Invariants
//! - IN-PLACE: a payload stays in the blocks that it was read into. It is unmasked and checked
//!   there, as its bytes arrive.
//! - UNSIZED: no length that a header announces sizes a lease (NO-TRUST).
//! - TIGHT: a payload that uses little of its blocks is copied out of them (NO-PIN). Small
//!   fragments are copied together.
//! - EMPTY-BETWEEN: between messages no block is held (LATE).

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, BufMut};
use tokio::io::AsyncRead;

use super::{
    close::CloseFrame,
    error::Error,
    header::{HEADER_LEN_MAX, Header, OpCode},
    mask::Mask,
    utf8::Utf8Check,
    violation::Violation,
};
use crate::{
    chain::{Chain, ChainMut},
    io::ChainReader,
    util::Millis,
    ws::socket::config::Config,
};

/// Fragments that are shorter than this are copied behind one another, if there is room.
const SMALL_LEN: usize = 512;

/// How much is leased for small fragments at once.
const SMALL_ROOM: usize = 4 << 10;

/// The period in which control frames are counted.
const CONTROLS_FOR: Duration = Duration::from_secs(1);

/// What the peer may send on this connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::ws) struct Rules<'a> {
    pub(in crate::ws) config: &'a Config,
    /// Whether this end is the server: frames of clients are masked, frames of servers are not (RFC
    /// 6455 §5.1).
    pub(in crate::ws) is_server: bool,
    /// Whether messages may be compressed (RFC 7692).
    pub(in crate::ws) is_deflating: bool,
}

/// A whole message.
#[derive(Debug)]
pub(in crate::ws) enum Incoming {
    Data { is_text: bool, is_compressed: bool, payload: Chain },
    Ping(Chain),
    Pong(Chain),
    Close(Option<CloseFrame>),
}

#[derive(Debug)]
pub(in crate::ws) struct Reading {
    /// Bytes that are not a whole frame yet.
    chain: ChainMut,
    chain_reader: ChainReader,
    /// Set while a frame or a message is not whole.
    begun: Option<Box<Begun>>,
    controls: Controls,
}

#[derive(Debug, Default)]
struct Begun {
    frame: Option<Frame>,
    message: Option<Fragments>,
}

/// The frame whose payload is at the front of the chain.
#[derive(Debug)]
struct Frame {
    header: Header,
    /// How many bytes of the payload are unmasked and checked.
    done: usize,
    mask: Option<Mask>,
    /// Set for text that is not compressed.
    utf8: Option<Utf8Check>,
}

/// The frames of a message so far.
#[derive(Debug)]
struct Fragments {
    is_text: bool,
    is_compressed: bool,
    count: u32,
    payload: ChainMut,
    utf8: Option<Utf8Check>,
}

/// Control frames that came lately: since when in 40 bits, and how many in 24.
#[derive(Debug, Default)]
struct Controls(u64);

impl Controls {
    fn begin() -> Self {
        Self(Millis::now().bits() << 24)
    }

    fn since(&self) -> Millis {
        Millis::from_bits(self.0 >> 24)
    }

    fn count(&self) -> u32 {
        self.0 as u32 & 0xff_ffff
    }

    fn add_one(&mut self) {
        // No connection carries 16 million of them in a second.
        self.0 += u64::from(self.count() < 0xff_ffff);
    }
}

impl Reading {
    /// Begins with bytes that were read before.
    pub(in crate::ws) fn new(chain: ChainMut) -> Self {
        Self { chain, chain_reader: ChainReader::new(), begun: None, controls: Controls::default() }
    }

    /// The chain; its account is charged for what is read.
    pub(in crate::ws) fn chain(&self) -> &ChainMut {
        &self.chain
    }

    /// Reads more; 0 at the end of the stream.
    pub(in crate::ws) fn poll_read<T: AsyncRead>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut T>,
    ) -> Poll<std::io::Result<usize>> {
        self.chain_reader.poll_read(cx, io, &mut self.chain)
    }

    /// Drops all bytes that were read, and the place in the queue for memory: nothing more is
    /// wanted.
    pub(in crate::ws) fn clear(&mut self) {
        self.begun = None;
        self.chain_reader = ChainReader::new();
        self.chain.clear();
        self.chain.release_room();
    }

    /// Whether bytes were read that are not part of a message yet.
    #[inline]
    pub(in crate::ws) fn has_bytes(&self) -> bool {
        !self.chain.is_empty()
    }

    /// Takes the next message out of the bytes that were read; none if more bytes are needed.
    pub(in crate::ws) fn decode(&mut self, rules: Rules<'_>) -> Result<Option<Incoming>, Error> {
        loop {
            let mut frame = match self.begun.as_mut().and_then(|begun| begun.frame.take()) {
                Some(frame) => frame,
                None => match self.begin(rules)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            // The length is within a limit that is a `usize`.
            let len = frame.header.len as usize;
            self.uncover(&mut frame, len)?;
            if frame.done < len {
                self.begun.get_or_insert_default().frame = Some(frame);
                return Ok(None);
            }
            // The box stays only if a message has begun.
            self.begun.take_if(|begun| begun.message.is_none());
            let Header { opcode, is_final, is_compressed, .. } = frame.header;
            if opcode.is_control() {
                return Ok(Some(self.take_control(opcode, len)?));
            }
            if is_final {
                finish(frame.utf8)?;
            }
            let payload = self.chain.take_frame(len);
            if is_final && self.begun.is_none() {
                return Ok(Some(Incoming::Data {
                    is_text: opcode == OpCode::Text,
                    is_compressed,
                    payload,
                }));
            }
            if let Some(message) = self.join(&frame, payload, rules)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes a header off the chain.
    #[inline]
    fn begin(&mut self, rules: Rules<'_>) -> Result<Option<Frame>, Error> {
        let mut room = [0; HEADER_LEN_MAX];
        let Some((header, header_len)) = Header::parse(self.chain.peek_front(&mut room))? else {
            return Ok(None);
        };
        let message = self.begun.as_ref().and_then(|begun| begun.message.as_ref());
        rules.check(&header, message)?;
        let utf8 = match header.opcode {
            OpCode::Text if !header.is_compressed => Some(Utf8Check::default()),
            OpCode::Continuation => message.and_then(|message| message.utf8),
            _ => None,
        };
        if header.opcode.is_control() {
            self.count_control(rules)?;
        }
        self.chain.advance(header_len);
        Ok(Some(Frame { mask: header.mask.map(Mask::new), header, done: 0, utf8 }))
    }

    /// Unmasks and checks the bytes that have come of a payload of `len` bytes.
    #[inline]
    fn uncover(&mut self, frame: &mut Frame, len: usize) -> Result<(), Violation> {
        let come = self.chain.len().min(len);
        if come == frame.done || (frame.mask.is_none() && frame.utf8.is_none()) {
            frame.done = come;
            return Ok(());
        }
        let mut is_valid = true;
        self.chain.change(frame.done, come, |piece| {
            if let Some(mask) = &mut frame.mask {
                mask.apply(piece);
            }
            if let Some(utf8) = &mut frame.utf8 {
                is_valid = is_valid && utf8.push(piece).is_ok();
            }
        });
        frame.done = come;
        if is_valid { Ok(()) } else { Err(Violation::Utf8) }
    }

    /// Takes a control frame; it may come between the frames of a message.
    fn take_control(&mut self, opcode: OpCode, len: usize) -> Result<Incoming, Violation> {
        let payload = self.chain.take_frame(len);
        Ok(match opcode {
            OpCode::Ping => Incoming::Ping(payload),
            OpCode::Pong => Incoming::Pong(payload),
            _ => Incoming::Close(CloseFrame::parse(&payload.to_vec())?),
        })
    }

    /// Adds a frame to its message; returns the message if this was its last frame.
    fn join(
        &mut self,
        frame: &Frame,
        payload: Chain,
        rules: Rules<'_>,
    ) -> Result<Option<Incoming>, Error> {
        let Frame { header, utf8, .. } = frame;
        let message = self.begun.get_or_insert_default().message.get_or_insert_with(|| Fragments {
            is_text: header.opcode == OpCode::Text,
            is_compressed: header.is_compressed,
            count: 0,
            payload: self.chain.sibling(),
            utf8: None,
        });
        message.count += 1;
        message.utf8 = *utf8;
        if !header.is_final && message.count >= rules.config.max_fragments {
            let count = u64::from(message.count) + 1;
            return Err(Error::too_many("a message", count, rules.config.max_fragments, "frames"));
        }
        message.push(payload);
        if !header.is_final {
            return Ok(None);
        }
        Ok(self.begun.take().and_then(|begun| begun.message).map(Fragments::into_incoming))
    }

    fn count_control(&mut self, rules: Rules<'_>) -> Result<(), Error> {
        let controls = &mut self.controls;
        if controls.count() == 0 || controls.since().elapsed() >= CONTROLS_FOR {
            *controls = Controls::begin();
        }
        controls.add_one();
        let (count, most) = (controls.count(), rules.config.max_controls);
        if count > most {
            return Err(Error::too_many(
                "the peer's pings and pongs",
                count.into(),
                most,
                "control frames a second",
            ));
        }
        Ok(())
    }
}

/// Ends the check of a text, if there is one.
#[inline]
fn finish(utf8: Option<Utf8Check>) -> Result<(), Violation> {
    utf8.map_or(Ok(()), Utf8Check::finish).map_err(|_| Violation::Utf8)
}

impl Rules<'_> {
    /// Checks a header against the message that has begun, if any.
    #[inline]
    fn check(self, header: &Header, message: Option<&Fragments>) -> Result<(), Error> {
        match (self.is_server, header.mask.is_some()) {
            (true, false) => return Err(Violation::Unmasked.into()),
            (false, true) => return Err(Violation::Masked.into()),
            _ => {}
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        match (header.opcode, message) {
            (OpCode::Continuation, None) => return Err(Violation::NothingToContinue.into()),
            (OpCode::Text | OpCode::Binary, Some(_)) => return Err(Violation::Interrupted.into()),
            // RFC 7692 §6.1: only the first frame of a message is marked.
            (OpCode::Continuation, _) if header.is_compressed => {
                return Err(Violation::NotCompressed.into());
            }
            _ => {}
        }
        if header.is_compressed && !self.is_deflating {
            return Err(Violation::NotCompressed.into());
        }
        let config = self.config;
        if header.len > config.max_frame_size as u64 {
            return Err(Error::too_long("a frame", header.len, config.max_frame_size));
        }
        let len =
            header.len.saturating_add(message.map_or(0, |message| message.payload.len() as u64));
        let most = config.max_message_size as u64;
        // The inflated length is checked when it is inflated.
        let is_compressed = message.map_or(header.is_compressed, |message| message.is_compressed);
        if len > if is_compressed { deflated_len_max(most) } else { most } {
            return Err(Error::too_long("a message", len, config.max_message_size));
        }
        Ok(())
    }
}

/// The most bytes that a message of `len` bytes can be compressed to, as zlib's `deflateBound` for
/// its worst settings.
fn deflated_len_max(len: u64) -> u64 {
    len.saturating_add(len.div_ceil(8)).saturating_add(len.div_ceil(64)).saturating_add(16)
}

impl Fragments {
    /// Adds the payload of a frame: links it, or copies it if it is small.
    fn push(&mut self, payload: Chain) {
        if payload.len() < SMALL_LEN && payload.len() > self.payload.remaining_mut() {
            // Without memory the fragment is linked, and keeps its block.
            let _ = self.payload.try_reserve_untold(SMALL_ROOM);
        }
        self.payload.append(payload);
    }

    fn into_incoming(self) -> Incoming {
        let Self { is_text, is_compressed, payload, .. } = self;
        Incoming::Data { is_text, is_compressed, payload: payload.freeze() }
    }
}
