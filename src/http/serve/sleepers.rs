//! `Sleepers`: the deadlines of all connections, in one list with one timer.
//!
//! A timer of its own would cost each idle connection more than all else that it holds; this costs 24 bytes. The list is looked through
//! at every tick: for 10,000 connections about 20 us, four times a second.
//!
//! # Invariants
//! - WOKEN: the time and the stop are stored under the lock of the list, before its tasks are woken. A task that was entered in the list
//!   with a deadline stays so until a tick has reached it: it is woken by that tick, or has seen it.

use std::{
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    },
    task::{Context, Waker},
    time::Duration,
};

use crate::sync::{AtomicU32, Mutex};

/// How coarse deadlines are.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// A time, in ticks since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(u32);

/// Names a connection in the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(u32);

#[derive(Debug, Default)]
pub(super) struct Sleepers {
    list: Mutex<List>,
    now: AtomicU32,
    is_stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct List {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Entry {
    waker: Option<Waker>,
    /// When it is woken; the last tick of all means never.
    deadline: Tick,
    /// Whether it is woken too when memory is short.
    lingers: bool,
}

impl Tick {
    pub(super) const NEVER: Self = Self(u32::MAX);

    /// So much later, and never earlier: the present tick has partly passed.
    pub(super) fn after(self, duration: Duration) -> Self {
        if duration.is_zero() {
            return self;
        }
        // By the second: a division of all the nanoseconds would be one of 128 bits, at each request.
        const PER_SECOND: u64 = 1_000_000_000 / TICK.as_nanos() as u64;
        let part = u64::from(duration.subsec_nanos().div_ceil(TICK.subsec_nanos()));
        let ticks = duration.as_secs().saturating_mul(PER_SECOND).saturating_add(part + 1);
        Self(u32::try_from(ticks).ok().and_then(|ticks| self.0.checked_add(ticks)).unwrap_or(u32::MAX))
    }
}

impl Sleepers {
    /// A place in the list for a new connection.
    pub(super) fn join(&self) -> Slot {
        let mut list = self.list.lock();
        let entry = Entry { waker: None, deadline: Tick::NEVER, lingers: false };
        match list.free.pop() {
            Some(index) => {
                list.entries[index as usize] = entry;
                Slot(index)
            }
            None => {
                list.entries.push(entry);
                Slot(u32::try_from(list.entries.len() - 1).expect("fewer than 4 billion connections"))
            }
        }
    }

    pub(super) fn leave(&self, slot: Slot) {
        let waker = {
            let mut list = self.list.lock();
            list.free.push(slot.0);
            let entry = &mut list.entries[slot.0 as usize];
            entry.deadline = Tick::NEVER;
            entry.lingers = false;
            entry.waker.take()
        };
        drop(waker);
    }

    /// Wakes the task at `deadline`, or when the server stops; one that `lingers` when memory is short too. One lock.
    pub(super) fn sleep(&self, slot: Slot, cx: &Context<'_>, deadline: Tick, lingers: bool) {
        let mut list = self.list.lock();
        let entry = &mut list.entries[slot.0 as usize];
        entry.deadline = deadline;
        entry.lingers = lingers;
        if !entry.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            entry.waker = Some(cx.waker().clone());
        }
    }

    /// What time it is, and whether the server stops. No lock.
    pub(super) fn look(&self) -> (Tick, bool) {
        (Tick(self.now.load(Acquire)), self.is_stopping.load(Acquire))
    }

    /// One tick later: wakes whose deadline has come, and those that linger if memory `is_short`.
    pub(super) fn tick(&self, is_short: bool) {
        let mut due = Vec::new();
        {
            let mut list = self.list.lock();
            // WOKEN. This task is the only one that counts.
            let now = Tick(self.now.load(Relaxed) + 1);
            self.now.store(now.0, Release);
            for entry in &mut list.entries {
                if entry.deadline <= now {
                    entry.deadline = Tick::NEVER;
                } else if !(is_short && entry.lingers) {
                    continue;
                }
                due.extend(entry.waker.clone());
            }
        }
        due.into_iter().for_each(Waker::wake);
    }

    /// The server stops: wakes all.
    pub(super) fn stop(&self) {
        let all: Vec<Waker> = {
            let list = self.list.lock();
            self.is_stopping.store(true, Release); // WOKEN
            list.entries.iter().filter_map(|entry| entry.waker.clone()).collect()
        };
        all.into_iter().for_each(Waker::wake);
    }
}
