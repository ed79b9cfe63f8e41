//! `Wheel`: the wakers of many tasks, and which of their deadlines have come, without a look at the
//! others.
//!
//! A bucket for each tick of a revolution has the entries whose deadline falls on that tick, in
//! this revolution or a later one. What is later is looked at once a revolution.
//!
//! # Invariants
//! - FILED: an entry is in the list of exactly one bucket, that of its deadline, while it has one.
//!   An entry without a deadline is in no list.
//! - TALLY: `counts` has the number of entries of each kind of [`Wakes`].

use std::task::Waker;

use super::{
    WakeList,
    clock::TICK,
    millis::Millis,
    slots::{SlotId, Slots},
};

/// Buckets: with ticks of 250 ms, 128 s. Most deadlines of a server are shorter.
const BUCKETS: usize = 512;

/// The end of a list.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Wheel {
    entries: Slots<Entry>,
    /// The first entry of each.
    buckets: Box<[u32]>,
    counts: [usize; 4],
    /// How many entries ticks have looked at.
    #[cfg(test)]
    pub(super) looks: usize,
}

#[derive(Debug)]
struct Entry {
    waker: Waker,
    /// The neighbours in the bucket's list.
    previous: u32,
    next: u32,
    deadline: Millis,
    wakes: Wakes,
}

/// When a task is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wakes {
    AtDeadline,
    /// At its deadline, and by [`Timers::wake_early`](super::Timers::wake_early) before that.
    Early,
    /// At its deadline, and by [`Timers::evict`](super::Timers::evict) if no other idle task has
    /// an earlier one.
    Idle,
    /// It was chosen by `evict`, and has not slept again since.
    Evicted,
}

impl Wheel {
    /// A place for a task, without a deadline.
    pub(super) fn insert(&mut self) -> SlotId {
        self.counts[Wakes::AtDeadline as usize] += 1;
        self.entries.insert(Entry {
            waker: Waker::noop().clone(),
            previous: NONE,
            next: NONE,
            deadline: Millis::NEVER,
            wakes: Wakes::AtDeadline,
        })
    }

    /// Ends a place. The waker is to be dropped without a lock.
    pub(super) fn remove(&mut self, id: SlotId) -> Option<Waker> {
        let entry = self.entries.get_mut(id)?;
        self.counts[entry.wakes as usize] -= 1;
        self.unfile(id.index());
        self.entries.remove(id).map(|entry| entry.waker)
    }

    /// Sets when a task is woken: at the next tick, if its deadline is not later than `now`. The
    /// waker that is replaced is to be dropped without a lock.
    pub(super) fn set(
        &mut self,
        id: SlotId,
        waker: &Waker,
        now: Millis,
        deadline: Millis,
        wakes: Wakes,
    ) -> Option<Waker> {
        let deadline = deadline.max(now.after(TICK));
        let entry = self.entries.get_mut(id)?;
        let is_kept = entry.waker.will_wake(waker);
        let replaced = (!is_kept).then(|| std::mem::replace(&mut entry.waker, waker.clone()));
        let before = std::mem::replace(&mut entry.wakes, wakes);
        self.counts[before as usize] -= 1;
        self.counts[wakes as usize] += 1;
        if entry.deadline != deadline {
            self.unfile(id.index());
            self.file(id.index(), deadline);
        }
        replaced
    }

    /// The tasks whose deadline is `now`: takes their deadlines away. To be called at each tick.
    pub(super) fn take_due(&mut self, now: Millis) -> WakeList {
        let mut due = WakeList::default();
        let mut index = self.buckets[bucket(now)];
        while index != NONE {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            let entry = self.entries.at(index).expect(IN_LIST);
            let next = entry.next;
            if entry.deadline <= now {
                due.push(entry.waker.clone());
                self.unfile(index);
            }
            index = next;
        }
        due
    }

    /// The tasks that may be woken early.
    pub(super) fn early(&self) -> WakeList {
        if self.count(Wakes::Early) == 0 {
            return WakeList::default();
        }
        let early = self.entries.iter().filter(|entry| entry.wakes == Wakes::Early);
        early.map(|entry| entry.waker.clone()).collect()
    }

    /// How many entries are woken so.
    pub(super) fn count(&self, wakes: Wakes) -> usize {
        self.counts[wakes as usize]
    }

    pub(super) fn wakes(&mut self, id: SlotId) -> Option<Wakes> {
        self.entries.get_mut(id).map(|entry| entry.wakes)
    }

    /// Chooses the idle task with the earliest deadline. All idle tasks have the same time, so it
    /// is the one that has been idle for longest. Deadlines of one tick count as equal, and one
    /// beyond a revolution as that of its bucket. Of those without a deadline it is any.
    pub(super) fn evict(&mut self, now: Millis) -> Option<Waker> {
        if self.count(Wakes::Idle) == 0 {
            return None;
        }
        let index = self.earliest_idle(now).or_else(|| {
            let mut all = 0..self.entries.places();
            all.find(|&index| self.entries.at(index).is_some_and(Entry::is_idle))
        })?;
        let entry = self.entries.at_mut(index)?;
        entry.wakes = Wakes::Evicted;
        self.counts[Wakes::Idle as usize] -= 1;
        self.counts[Wakes::Evicted as usize] += 1;
        Some(entry.waker.clone())
    }

    /// The first idle entry in the buckets, from the next tick on.
    fn earliest_idle(&self, now: Millis) -> Option<u32> {
        let buckets = (1..=BUCKETS).map(|ahead| (bucket(now) + ahead) % BUCKETS);
        for bucket in buckets {
            let mut index = self.buckets[bucket];
            while let Some(entry) = self.entries.at(index) {
                if entry.is_idle() {
                    return Some(index);
                }
                index = entry.next;
            }
        }
        None
    }

    /// All tasks.
    pub(super) fn all(&self) -> WakeList {
        self.entries.iter().map(|entry| entry.waker.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.count() == 0
    }

    fn file(&mut self, index: u32, deadline: Millis) {
        let next = match deadline {
            Millis::NEVER => NONE,
            _ => std::mem::replace(&mut self.buckets[bucket(deadline)], index),
        };
        if let Some(next) = self.entries.at_mut(next) {
            next.previous = index;
        }
        let entry = self.entries.at_mut(index).expect(IN_LIST);
        (entry.previous, entry.next, entry.deadline) = (NONE, next, deadline);
    }

    /// Takes the deadline away.
    fn unfile(&mut self, index: u32) {
        let entry = self.entries.at_mut(index).expect(IN_LIST);
        let deadline = std::mem::replace(&mut entry.deadline, Millis::NEVER);
        if deadline == Millis::NEVER {
            return;
        }
        let (previous, next) = (entry.previous, entry.next);
        match self.entries.at_mut(previous) {
            Some(previous) => previous.next = next,
            None => self.buckets[bucket(deadline)] = next,
        }
        if let Some(next) = self.entries.at_mut(next) {
            next.previous = previous;
        }
    }
}

impl Entry {
    fn is_idle(&self) -> bool {
        self.wakes == Wakes::Idle
    }
}

const IN_LIST: &str = "what is in a bucket is in the list (FILED)";

fn bucket(deadline: Millis) -> usize {
    deadline.ticks() as usize % BUCKETS
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            entries: Slots::default(),
            buckets: vec![NONE; BUCKETS].into_boxed_slice(),
            counts: [0; 4],
            #[cfg(test)]
            looks: 0,
        }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_32_bytes() {
        assert_eq!(size_of::<Option<Entry>>(), 32);
    }
}
