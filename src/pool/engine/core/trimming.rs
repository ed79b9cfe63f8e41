//! Giving free memory back to the system.

use std::sync::atomic::Ordering::Relaxed;

use super::Core;
use crate::pool::{
    engine::trace,
    store::{Leaving, Spare},
};

impl Core {
    /// Gives all free memory back to the system. Returns the number of bytes.
    pub(in crate::pool) fn trim(&self) -> usize {
        self.drain(false);
        self.spares().map(|spare| self.give_back(spare, usize::MAX, usize::MAX).1).sum()
    }

    /// Takes back grants that were not collected, and empties magazines that no thread used since
    /// the last sweep. Returns how many blocks of each class to give back: half of the number that
    /// the load has not needed since then. This is H2O's rule: giving back the whole low watermark
    /// runs out in the middle of a cycle.
    pub(in crate::pool) fn sweep(&self) -> Vec<(Spare, usize)> {
        self.sample();
        self.drain(true);
        self.serve_now(Vec::new());
        let mut stock = self.stock.lock();
        self.spares().map(|spare| (spare, stock.slab.sweep_low(spare).div_ceil(2))).collect()
    }

    fn spares(&self) -> impl Iterator<Item = Spare> + use<> {
        self.classes.iter().map(Spare::Blocks).chain([Spare::Spans])
    }

    /// Gives up to `goal` free blocks or spans back to the system, and about `bytes_max` bytes at
    /// most. Returns how many, and the bytes.
    pub(in crate::pool) fn give_back(
        &self,
        spare: Spare,
        goal: usize,
        bytes_max: usize,
    ) -> (usize, usize) {
        let mut leaving = Leaving::new();
        let count = {
            let mut stock = self.stock.lock();
            stock.slab.give_back_begin(spare, goal, bytes_max, &self.memory, &mut leaving)
        };
        let bytes = leaving.release(&self.memory);
        let waiting = {
            let mut stock = self.stock.lock();
            stock.slab.give_back_end(leaving);
            stock.waiting
        };
        if waiting {
            self.serve_now(Vec::new());
        }
        self.counters.trimmed.fetch_add(bytes as u64, Relaxed);
        trace::given_back(bytes);
        (count, bytes)
    }
}

#[cfg(all(test, not(leasehold_loom)))]
mod tests {
    use std::{borrow::Cow, sync::Arc, time::Duration};

    use super::super::{Core, Settings};
    use crate::pool::store::{Backing, Classes, Memory, Protection};

    #[test]
    fn a_pool_whose_last_handle_goes_while_magazines_are_emptied_ends() {
        let classes = Classes::new(&[64]).expect("valid");
        let memory =
            Memory::new(Backing::Heap, 4096, Protection::default()).expect("nothing is mapped");
        let settings = Settings {
            budget: 4096,
            magazine: 1024,
            shards: 1,
            max_wait: Duration::from_secs(30),
            zero_on_return: false,
        };
        let account = Core::start(classes, memory, settings, Cow::Borrowed("pool"));
        let core = Arc::clone(&account.owner);
        let class = core.classes.largest();
        drop(core.lease_block(&account, class).ok().expect("free"));
        let mut account = Some(account);
        // As in `drain`, when another thread drops the handle while the blocks are in no magazine
        // and not yet in the slab.
        core.cache.drain(false, |blocks| {
            assert_eq!(blocks.is_empty(), account.take().is_none(), "the first magazine has them");
            core.put_all(blocks);
        });
        let ended = Arc::downgrade(&core);
        drop(core);
        assert!(ended.upgrade().is_none(), "no handle and no block are left");
    }
}
