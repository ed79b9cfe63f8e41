//! Memory that goes back to the system: it is set aside under the slab's lock, and given back
//! without the lock.

use super::{SPAN_LEN, Slab, Slot};
use crate::pool::store::{
    class::ClassIndex,
    memory::{Memory, PAGE_LEN},
    run::{LEVELS, NOWHERE},
};

/// What kind of memory is given back.
#[derive(Clone, Copy, Debug)]
pub(in crate::pool) enum Spare {
    /// Free blocks of a class.
    Blocks(ClassIndex),
    /// Warm spans in no run. One class gave them up, and no other has taken them.
    Spans,
}

/// Memory that [`Slab::give_back_begin`] has set aside. It cannot be leased until `give_back_end`.
pub(in crate::pool) struct Leaving {
    runs: Vec<(u32, u32)>,
    blocks: Vec<(u32, u32)>,
    /// Ranges of the region, in no order.
    ranges: Vec<(usize, usize)>,
    /// The number of bytes that have left already, in runs of the heap.
    left: usize,
}

impl Slab {
    /// The number of free blocks or spans that the load has not needed since the last sweep. Starts
    /// the next sweep.
    pub(in crate::pool) fn sweep_low(&mut self, spare: Spare) -> usize {
        let (low, now) = match spare {
            Spare::Blocks(class) => {
                let list = &mut self.lists[class.get()];
                (&mut list.low, list.warm)
            }
            Spare::Spans => (&mut self.warm_spans_low, self.warm_spans),
        };
        std::mem::replace(low, now).min(now)
    }

    /// Sets up to `goal` free blocks or spans aside for the system, and about `bytes_max` bytes at
    /// most. Returns how many.
    pub(in crate::pool) fn give_back_begin(
        &mut self,
        spare: Spare,
        goal: usize,
        bytes_max: usize,
        memory: &Memory,
        leaving: &mut Leaving,
    ) -> usize {
        match spare {
            Spare::Blocks(class) => self.set_aside_class(class, goal, bytes_max, memory, leaving),
            Spare::Spans => self.set_aside_spans(goal.min((bytes_max / SPAN_LEN).max(1)), leaving),
        }
    }

    /// Sets aside up to `goal` warm spans that are in no run.
    fn set_aside_spans(&mut self, goal: usize, leaving: &mut Leaving) -> usize {
        let mut done = 0;
        let mut spans = 0..self.slots.len();
        while done < goal.min(self.warm_spans) {
            let Some(span) = spans.next() else { break };
            if matches!(self.slots[span], Slot::Free { warm: true }) && self.free_spans.remove(span)
            {
                let span = u32::try_from(span).expect("a budget has fewer spans than 2^32");
                leaving.runs.push((span, 1));
                leaving.ranges.push(self.range_of(span, 1));
                done += 1;
            }
        }
        self.take_warm_spans(done);
        done
    }

    /// Sets aside up to `goal` free blocks of `class`, whole runs first.
    fn set_aside_class(
        &mut self,
        class: ClassIndex,
        goal: usize,
        bytes_max: usize,
        memory: &Memory,
        leaving: &mut Leaving,
    ) -> usize {
        let block_len = self.classes.len_of(class);
        let goal = goal.min((bytes_max / block_len).max(1));
        let mut done = 0;
        while done < goal {
            let Some(head) = self.lists[class.get()].first_of(0) else { break };
            let warm = self.run_mut(head).warm_free();
            if warm == 0 {
                // A run is wholly cold only if its blocks were given up one by one. No memory is
                // gained, but the table is freed.
                self.end_run(head, memory);
                continue;
            }
            let spans = self.end_run(head, memory);
            if memory.is_mapped() {
                for span in head..head + spans {
                    self.free_spans.remove(span as usize);
                }
                self.take_warm_spans(spans as usize);
                leaving.runs.push((head, spans));
                leaving.ranges.push(self.range_of(head, spans));
            } else {
                leaving.left += self.range_of(head, spans).1;
            }
            done += warm;
        }
        if memory.is_mapped() && block_len.is_multiple_of(PAGE_LEN) {
            for level in 1..LEVELS {
                let mut at = self.lists[class.get()].first_of(level);
                while let Some(head) = at {
                    if done >= goal {
                        return done;
                    }
                    let run = self.run_mut(head);
                    at = (run.after != NOWHERE).then_some(run.after);
                    done += self.set_aside_blocks(head, goal - done, block_len, leaving);
                }
            }
        }
        done
    }

    /// Notes that the memory has left. It may be leased again, as cold.
    pub(in crate::pool) fn give_back_end(&mut self, leaving: Leaving) {
        for (head, spans) in leaving.runs {
            for span in head..head + spans {
                self.slots[span as usize] = Slot::Free { warm: false };
                self.free_spans.insert(span as usize);
                self.mapped -= self.span_len(span);
            }
        }
        for (head, index) in leaving.blocks {
            let run = self.run_mut(head);
            run.free.insert(index as usize);
            run.cold.insert(index as usize);
            run.used -= 1;
            let class = run.class;
            let block_len = self.classes.len_of(class);
            self.run_mut(head).counted -= block_len;
            self.relist(head);
            self.mapped -= block_len;
        }
    }

    /// Sets aside up to `goal` free warm blocks of one partly used run.
    fn set_aside_blocks(
        &mut self,
        head: u32,
        goal: usize,
        block_len: usize,
        leaving: &mut Leaving,
    ) -> usize {
        let start = head as usize * SPAN_LEN;
        let run = self.run_mut(head);
        let class = run.class;
        let mut done = 0;
        while done < goal {
            let Some(index) = run.free.first_not_in(&run.cold) else { break };
            run.free.remove(index);
            run.used += 1;
            leaving.blocks.push((head, u32::try_from(index).expect("at most SPAN_LEN blocks")));
            leaving.ranges.push((start + index * block_len, block_len));
            done += 1;
        }
        if done > 0 {
            self.relist(head);
            let list = &mut self.lists[class.get()];
            list.warm -= done;
            list.low = list.low.min(list.warm);
        }
        done
    }
}

impl Leaving {
    pub(in crate::pool) fn new() -> Self {
        Self { runs: Vec::new(), blocks: Vec::new(), ranges: Vec::new(), left: 0 }
    }

    /// Gives the ranges back to the system, without the slab's lock. Returns the number of bytes
    /// that left.
    pub(in crate::pool) fn release(&mut self, memory: &Memory) -> usize {
        let mut bytes = self.left;
        for (offset, len) in self.joined_ranges() {
            // SAFETY: `give_back_begin` set this range aside, and it is leased again only after
            // `give_back_end`.
            unsafe { memory.give_back(offset, len) };
            bytes += len;
        }
        bytes
    }

    /// Sorts the ranges and joins those that touch, so that there are as few system calls as
    /// possible.
    fn joined_ranges(&mut self) -> Vec<(usize, usize)> {
        self.ranges.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for &(offset, len) in &self.ranges {
            match joined.last_mut() {
                Some((start, total)) if *start + *total == offset => *total += len,
                _ => joined.push((offset, len)),
            }
        }
        joined
    }
}
