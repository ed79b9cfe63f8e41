//! `Http2Room`: the memory that hyper and h2 may hold for the streams of an HTTP/2 connection.
//!
//! # Invariants
//! - UNREAD: while a request of the connection has a body, or a tunnel is open, the window of the
//!   connection is reserved. h2 holds no more bytes of bodies than that (RFC 9113 §6.9.1).
//! - UNSENT: every byte of a response is counted from when hyper gets it until the transport has
//!   taken it. hyper gets more only while fewer than `max_unsent` bytes are counted, and room is
//!   reserved for them. While a connection has a stream, it keeps room for one [`STEP`], and may
//!   always use that: each connection goes on, and none waits for another.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::client_wait::ClientWait;
use crate::{
    io::ServerState,
    pool::{Account, LeaseError, Reservation},
    sync::Mutex,
    util::{Millis, WakeList},
};

/// How many windows the unsent bytes of a connection may be.
const UNSENT_WINDOWS: usize = 4;

/// What h2 keeps for each of the streams that were open at the same time, in bytes: measured with
/// `cargo test --test heap http2_bounds -- --nocapture`, 50 connections with 100 streams each.
const SLOT_LEN: usize = 1 << 10;

/// How much is reserved at once for unsent bytes.
const STEP: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Http2Room {
    server: Arc<ServerState>,
    /// Where the room comes from.
    account: Account,
    window: usize,
    slots: Mutex<Slots>,
    unread: Mutex<Unread>,
    unsent: Mutex<Unsent>,
    /// The wait for the client to take some of what is unsent (WAITED). Changed only while `unsent`
    /// is locked.
    wait: ClientWait,
}

/// h2 keeps its streams in a list that grows and never shrinks.
#[derive(Debug)]
struct Slots {
    /// Streams that are open, served or refused.
    open: usize,
    /// Of the account of the connection, so that refused streams have their places too.
    account: Account,
    room: Reservation,
}

#[derive(Debug)]
struct Unread {
    /// Bodies and tunnels that are open.
    count: usize,
    room: Reservation,
}

#[derive(Debug)]
struct Unsent {
    /// Streams that are open, or have unsent bytes.
    streams: usize,
    len: usize,
    /// One [`STEP`], while there are streams.
    least: Reservation,
    more: Reservation,
    /// Tasks of responses that wait to give hyper more.
    waiting: Vec<Waker>,
}

impl Http2Room {
    /// `own` is the account of the connection.
    pub(super) fn new(
        server: Arc<ServerState>,
        account: Account,
        own: Account,
        window: usize,
    ) -> Self {
        let slots = Slots { open: 0, account: own, room: Reservation::empty() };
        let unread = Unread { count: 0, room: Reservation::empty() };
        let unsent = Unsent {
            streams: 0,
            len: 0,
            least: Reservation::empty(),
            more: Reservation::empty(),
            waiting: Vec::new(),
        };
        Self {
            server,
            account,
            window,
            slots: Mutex::new(slots),
            unread: Mutex::new(unread),
            unsent: Mutex::new(unsent),
            wait: ClientWait::default(),
        }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The window of the connection, in bytes.
    pub(super) fn window(&self) -> u32 {
        self.window as u32
    }

    /// Since when the client has taken nothing of what is unsent (WAITED).
    pub(super) fn waits_since(&self) -> Millis {
        self.wait.since()
    }

    /// A stream is open, served or refused. What h2 keeps for the greatest number of them stays
    /// reserved as long as the connection lives. It is little, so a lack of room changes nothing.
    pub(super) fn open(self: &Arc<Self>) -> OpenStream {
        let mut slots = self.slots.lock();
        slots.open += 1;
        let missing = (slots.open * SLOT_LEN).saturating_sub(slots.room.len());
        if missing > 0
            && let Ok(more) = slots.account.try_reserve_untold(missing)
        {
            if slots.room.is_empty() {
                slots.room = more;
            } else {
                slots.room.absorb(more);
            }
        }
        OpenStream(Arc::clone(self))
    }

    /// A stream begins. If there is no room to send anything, it must not be served (UNSENT).
    pub(super) fn begin_stream(&self) -> Result<(), LeaseError> {
        let mut unsent = self.unsent.lock();
        if unsent.streams == 0 {
            unsent.least = self.account.try_reserve(STEP)?;
        }
        unsent.streams += 1;
        Ok(())
    }

    /// It has ended, and has no unsent bytes.
    pub(super) fn end_stream(&self) {
        let room = {
            let mut unsent = self.unsent.lock();
            unsent.streams -= 1;
            if unsent.streams > 0 {
                return;
            }
            std::mem::replace(&mut unsent.least, Reservation::empty())
        };
        drop(room); // wakes tasks that wait for memory: no lock is held
    }

    /// A request with a body, or a tunnel, begins (UNREAD). If there is no room, it must not be
    /// read.
    pub(super) fn begin_unread(&self) -> Result<(), LeaseError> {
        let mut unread = self.unread.lock();
        if unread.count == 0 {
            unread.room = self.account.try_reserve(self.window)?;
        }
        unread.count += 1;
        Ok(())
    }

    /// It has ended.
    pub(super) fn end_unread(&self) {
        let room = {
            let mut unread = self.unread.lock();
            unread.count -= 1;
            if unread.count > 0 {
                return;
            }
            std::mem::replace(&mut unread.room, Reservation::empty())
        };
        drop(room); // as above
    }

    /// Is ready when hyper may have more of a response (UNSENT).
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut unsent = self.unsent.lock();
        if unsent.len < self.window * UNSENT_WINDOWS {
            let wanted = unsent.len + 1;
            unsent.grow(&self.account, wanted);
            if unsent.room_len() >= wanted {
                return Poll::Ready(());
            }
            // This response waits for those before it.
        }
        if !unsent.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            unsent.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// hyper gets `len` bytes of a response. Only the service knew how many.
    pub(super) fn add(&self, len: usize) {
        let mut unsent = self.unsent.lock();
        unsent.len += len;
        let wanted = unsent.len;
        unsent.grow(&self.account, wanted);
        self.wait.begin(self.server.timers.clock());
    }

    /// The transport has taken `len` bytes, or they are dropped.
    pub(super) fn remove(&self, len: usize) {
        let mut unsent = self.unsent.lock();
        unsent.len -= len;
        self.wait.end();
        let mut room = Reservation::empty();
        if unsent.len > 0 {
            self.wait.begin(self.server.timers.clock());
        } else {
            std::mem::swap(&mut unsent.more, &mut room);
        }
        let mut woken = WakeList::default();
        if unsent.len <= self.window * UNSENT_WINDOWS / 2 {
            woken.extend(unsent.waiting.drain(..));
        }
        drop(unsent);
        woken.wake_all();
        drop(room); // as above
    }
}

/// A stream that is open, until hyper has all of its response.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Http2Room>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.slots.lock().open -= 1;
    }
}

impl Unsent {
    fn room_len(&self) -> usize {
        self.least.len() + self.more.len()
    }

    /// Reserves room for `len` bytes, if there is more.
    fn grow(&mut self, account: &Account, len: usize) {
        let missing = len.saturating_sub(self.room_len()).next_multiple_of(STEP);
        if missing == 0 {
            return;
        }
        if let Ok(more) = account.try_reserve_untold(missing) {
            if self.more.is_empty() {
                self.more = more;
            } else {
                self.more.absorb(more);
            }
        }
    }
}
