//! The lists of runs by class and fullness (LISTED).

use super::Slab;
use crate::pool::store::run::{LEVELS, NOWHERE};

impl Slab {
    /// Moves a run to the list of its fullness.
    #[inline]
    pub(super) fn relist(&mut self, head: u32) {
        let run = self.run_mut(head);
        let level = run.level_now();
        if level != run.level {
            self.unlink(head);
            self.link(head, level);
        }
    }

    pub(super) fn link(&mut self, head: u32, level: usize) {
        let class = self.run_mut(head).class;
        let after = match level {
            LEVELS => NOWHERE,
            _ => std::mem::replace(&mut self.lists[class.get()].heads[level], head),
        };
        if after != NOWHERE {
            self.run_mut(after).before = head;
        }
        let run = self.run_mut(head);
        run.level = level;
        run.before = NOWHERE;
        run.after = after;
    }

    pub(super) fn unlink(&mut self, head: u32) {
        let run = self.run_mut(head);
        let (class, level, before, after) = (run.class, run.level, run.before, run.after);
        if level == LEVELS {
            return;
        }
        if after != NOWHERE {
            self.run_mut(after).before = before;
        }
        match before {
            NOWHERE => self.lists[class.get()].heads[level] = after,
            _ => self.run_mut(before).after = after,
        }
    }
}
