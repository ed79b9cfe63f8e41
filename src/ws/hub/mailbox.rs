//! `Mailbox`: the messages that one member of a hub has still to send.
//!
//! # Invariants
//! - MAILBOX-MAX: a message is put in if the mailbox is empty, or if it fits below `max_queued`;
//!   otherwise the policy decides. Messages that are begun count too.
//! - ACCEPTED: a message that was put in before the hub or the member was closed is sent in front
//!   of the close frame.
//! - BEGUN-STAYS: the first `begun` messages are in the socket, and are never dropped: the socket
//!   may have sent a part.
//! - NO-LOST-WAKING: under one lock, the member looks whether it is out and for messages, and
//!   leaves its waker. A sender looks for room and leaves its waker in the same way. A member whose
//!   socket has messages is woken only when it is out: its transport wakes it when there is more to
//!   do.
//! - UNLOCKED-FIRST: wakers are called, and messages dropped, after the mailbox is unlocked.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use super::{
    broadcast::Broadcast,
    hub_builder::{HubBuilder, SlowPolicy},
};
use crate::{
    sync::Mutex,
    util::{AfterUnlock, Millis},
    ws::CloseFrame,
};

/// The most messages that the socket is given at once: with their headers, as many as one call
/// sends.
const BATCH_MAX: usize = 32;

/// The most bytes that the socket is given at once, unless one message is larger.
const BATCH_LEN: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Mailbox(Mutex<MailboxState>);

#[derive(Debug)]
struct MailboxState {
    messages: VecDeque<Arc<Broadcast>>,
    /// The sum of their costs.
    held: usize,
    waker: Option<Waker>,
    /// When the socket last sent something that counts, or had nothing to send.
    moved: Millis,
    /// How many messages are in the socket.
    begun: u8,
    end: Option<Leave>,
    slow: Option<Box<Slow>>,
}

/// State of members that were slow once, or that close.
#[derive(Debug, Default)]
struct Slow {
    /// How many bytes of the begun messages had been written when the member last moved.
    written: usize,
    dropped: u64,
    /// Senders that wait for room here.
    senders: Vec<Waker>,
    /// The close frame that follows all messages, if the member closes by itself.
    farewell: Option<CloseFrame>,
}

/// Why a member is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The hub is closed.
    HubClosed,
    /// The member closes by itself.
    Closing,
    /// It read too slowly, and the policy is to close.
    TooSlow,
    /// It was dropped, or its socket was closed.
    Gone,
    /// It held more of the hub's memory than its share.
    OverShare,
    /// The hub is aborted.
    Aborted,
}

/// What a member that is out still sends. A harder way replaces a softer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Force {
    /// All that its mailbox has (ACCEPTED).
    AfterAll,
    /// The messages that it has begun.
    AfterBegun,
    /// Only what its transport takes at once.
    Cut,
}

impl Leave {
    pub(super) fn force(self) -> Force {
        match self {
            Self::HubClosed | Self::Closing => Force::AfterAll,
            Self::TooSlow | Self::Gone => Force::AfterBegun,
            Self::OverShare | Self::Aborted => Force::Cut,
        }
    }
}

/// Whether a message fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// The mailbox is full; the member last moved at that time.
    Full(Millis),
}

/// How many bytes of a message count as a move. A peer that reads less in `slow_member_timeout` is
/// as good as stalled, and would slow all others down.
const MOVE_LEN: usize = 4 << 10;

/// Messages that a mailbox let go of: a handle may be the last one of its blocks (AFTER-UNLOCK).
pub(super) type Messages = Vec<Arc<Broadcast>>;

impl Mailbox {
    pub(super) fn new() -> Self {
        Self(Mutex::new(MailboxState {
            messages: VecDeque::new(),
            held: 0,
            waker: None,
            moved: Millis::now(),
            begun: 0,
            end: None,
            slow: None,
        }))
    }

    /// Puts a message in, or does what the policy says; returns whether it is in.
    pub(super) fn post(
        &self,
        message: &Arc<Broadcast>,
        now: Millis,
        settings: &HubBuilder,
        after: &mut AfterUnlock<Messages>,
    ) -> bool {
        let HubBuilder { max_queued, policy, .. } = *settings;
        let mut state = self.0.lock();
        if state.end.is_some() {
            return false;
        }
        let cost = message.cost();
        if !state.has_room(cost, max_queued) {
            if policy == SlowPolicy::Close {
                state.leave(Leave::TooSlow, after);
                return false;
            }
            state.drop_oldest(cost, max_queued, after);
            if !state.has_room(cost, max_queued) {
                // The begun messages fill the mailbox, and stay: this message is dropped.
                state.slow().dropped += 1;
                return false;
            }
        }
        if state.messages.is_empty() {
            // It had nothing to send until now.
            state.moved = now;
        }
        state.held += cost;
        state.messages.push_back(Arc::clone(message));
        if state.begun == 0 {
            after.wakers.extend(state.waker.take());
        }
        true
    }

    /// Puts the member out. Messages that it has not begun are dropped, unless it still sends all.
    pub(super) fn leave(&self, why: Leave, after: &mut AfterUnlock<Messages>) {
        self.0.lock().leave(why, after);
    }

    /// Closes the member: `farewell` goes behind all messages. The first farewell stays.
    pub(super) fn close(&self, farewell: CloseFrame, after: &mut AfterUnlock<Messages>) {
        let mut state = self.0.lock();
        state.slow().farewell.get_or_insert(farewell);
        state.leave(Leave::Closing, after);
    }

    /// The close frame of a member that closes by itself.
    pub(super) fn farewell(&self) -> CloseFrame {
        self.0.lock().slow.as_ref().and_then(|slow| slow.farewell.clone()).unwrap_or_default()
    }

    /// Whether the member closes by itself.
    pub(super) fn is_closing(&self) -> bool {
        self.0.lock().slow.as_ref().is_some_and(|slow| slow.farewell.is_some())
    }

    /// Whether the member drops its messages as soon as its task runs.
    pub(super) fn is_cut(&self) -> bool {
        self.0.lock().end.is_some_and(|end| end.force() == Force::Cut)
    }

    /// Why the member is out, if it is. The task is woken when that changes.
    pub(super) fn poll_end(&self, cx: &Context<'_>) -> Option<Leave> {
        let mut state = self.0.lock();
        state.leave_waker(cx);
        state.end
    }

    /// Notes that the socket has sent all that it was given, and gives it the next messages. If
    /// there are none, the task is woken when one comes.
    pub(super) fn take(
        &self,
        cx: &Context<'_>,
        after: &mut AfterUnlock<Messages>,
        mut give: impl FnMut(&Broadcast),
    ) {
        let mut state = self.0.lock();
        let has_sent = state.sent(after);
        let mut len = 0;
        let fits = |message: &&Arc<Broadcast>| {
            len += message.cost();
            len == message.cost() || len <= BATCH_LEN
        };
        let given = state
            .messages
            .iter()
            .take(BATCH_MAX)
            .take_while(fits)
            .inspect(|message| give(message))
            .count();
        // At most BATCH_MAX.
        state.begun = given as u8;
        if given == 0 {
            // An idle member holds nothing.
            state.messages = VecDeque::new();
        }
        state.leave_waker(cx);
        if has_sent || given == 0 {
            state.moved = Millis::now();
            if let Some(slow) = &mut state.slow {
                slow.written = 0;
                after.wakers.extend(std::mem::take(&mut slow.senders));
            }
            // An idle member holds nothing but a count.
            state.slow.take_if(|slow| slow.dropped == 0 && slow.farewell.is_none());
        }
    }

    /// Notes how many bytes of the begun messages are written.
    pub(super) fn wrote(&self, written: usize) {
        let mut state = self.0.lock();
        if written >= state.slow.as_ref().map_or(0, |slow| slow.written) + MOVE_LEN {
            state.moved = Millis::now();
            state.slow().written = written;
        }
    }

    /// Notes that the socket of a member that is out has sent all that it was given, or never will.
    pub(super) fn let_go(&self, after: &mut AfterUnlock<Messages>) {
        self.0.lock().sent(after);
    }

    /// Whether a message of this cost fits. If not, and the member has moved within
    /// `slow_member_timeout`, the sender is woken when it moves again.
    pub(super) fn room(
        &self,
        cx: &Context<'_>,
        cost: usize,
        max_queued: usize,
        slow_member_timeout: Duration,
    ) -> Room {
        let mut state = self.0.lock();
        if state.end.is_some() || state.has_room(cost, max_queued) {
            return Room::Free;
        }
        if state.moved.elapsed() < slow_member_timeout {
            let senders = &mut state.slow().senders;
            if !senders.iter().any(|waker| waker.will_wake(cx.waker())) {
                senders.push(cx.waker().clone());
            }
        }
        Room::Full(state.moved)
    }

    /// This member's share of the memory of its messages.
    pub(super) fn share(&self) -> usize {
        self.0.lock().messages.iter().map(Broadcast::share).sum()
    }

    pub(super) fn dropped_count(&self) -> u64 {
        self.0.lock().slow.as_ref().map_or(0, |slow| slow.dropped)
    }
}

impl MailboxState {
    fn leave_waker(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }

    /// Drops the begun messages, which are sent; returns whether there were any.
    fn sent(&mut self, after: &mut AfterUnlock<Messages>) -> bool {
        let count = std::mem::take(&mut self.begun);
        for _ in 0..count {
            let message = self
                .messages
                .pop_front()
                .expect("a begun message stays in the mailbox (BEGUN-STAYS)");
            self.held -= message.cost();
            after.dropped.push(message);
        }
        count > 0
    }

    fn has_room(&self, cost: usize, max_queued: usize) -> bool {
        self.held == 0 || self.held.checked_add(cost).is_some_and(|sum| sum <= max_queued)
    }

    fn drop_oldest(&mut self, cost: usize, max_queued: usize, after: &mut AfterUnlock<Messages>) {
        while !self.has_room(cost, max_queued)
            && let Some(oldest) = self.messages.remove(self.begun as usize)
        {
            self.held -= oldest.cost();
            self.slow().dropped += 1;
            after.dropped.push(oldest);
        }
    }

    fn leave(&mut self, why: Leave, after: &mut AfterUnlock<Messages>) {
        // A member that holds too much is cut, even while it leaves for another reason.
        if self.end.is_some_and(|end| end.force() >= why.force()) {
            return;
        }
        self.end = Some(why);
        if why.force() > Force::AfterAll {
            after.dropped.extend(self.messages.drain(self.begun as usize..));
            self.held = self.messages.iter().map(|message| message.cost()).sum();
        }
        after.wakers.extend(self.waker.take());
        if let Some(slow) = &mut self.slow {
            after.wakers.extend(std::mem::take(&mut slow.senders));
        }
    }

    fn slow(&mut self) -> &mut Slow {
        self.slow.get_or_insert_default()
    }
}
