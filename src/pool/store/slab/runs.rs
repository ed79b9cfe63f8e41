//! How runs of spans begin and end.

use super::{RunPlacement, SPAN_LEN, Slab, Slot};
use crate::pool::store::{
    bits::Bits,
    class::ClassIndex,
    memory::Memory,
    run::{NOWHERE, Run},
    span::Span,
};

impl Slab {
    /// Makes a run for `class` and returns its head. It may use the spans of empty runs of other
    /// classes.
    pub(super) fn begin_run(
        &mut self,
        memory: &Memory,
        class: ClassIndex,
        place: RunPlacement,
    ) -> Option<u32> {
        let block_len = self.classes.len_of(class);
        let spans = block_len.div_ceil(SPAN_LEN);
        let head = self.find_spans(class, spans, place, memory)?;
        let (offset, len) =
            self.range_of(head, u32::try_from(spans).expect("a run is at most 16 MiB"));
        let count = if block_len * 2 <= SPAN_LEN { len / block_len } else { 1 };
        let base = memory.begin_run(offset, len)?;
        let first = head as usize;
        let warm_spans = (first..first + spans)
            .filter(|&span| matches!(self.slots[span], Slot::Free { warm: true }));
        let (warm_count, warm_len) = warm_spans
            .fold((0, 0), |(count, len), span| (count + 1, len + self.span_len(span as u32)));
        self.take_warm_spans(warm_count);
        let is_warm = warm_len > 0 || !memory.is_mapped();
        if is_warm {
            self.mapped += len - warm_len;
        }
        let counted = u32::try_from(count).expect("at most SPAN_LEN blocks");
        let table = Span::new(
            self.owner,
            base,
            head,
            counted,
            class,
            u32::try_from(block_len).expect("at most CLASS_LEN_MAX"),
        );
        let run = Run {
            table,
            class,
            spans: u32::try_from(spans).expect("a run is at most 16 MiB"),
            count: counted,
            used: 0,
            free: Bits::full(count),
            cold: if is_warm { Bits::empty(count) } else { Bits::full(count) },
            counted: if is_warm { len } else { 0 },
            level: 0,
            before: NOWHERE,
            after: NOWHERE,
        };
        self.metadata += run.bytes();
        for span in first..first + spans {
            self.free_spans.remove(span);
            self.slots[span] = Slot::Inside;
        }
        self.slots[first] = Slot::Head(Box::new(run));
        self.link(head, 0);
        if is_warm {
            self.lists[class.get()].warm += count;
        }
        Some(head)
    }

    /// Ends a run whose blocks are all free, and returns how many spans it had. These are free then
    /// and, if they are mapped, warm.
    pub(super) fn end_run(&mut self, head: u32, memory: &Memory) -> u32 {
        self.unlink(head);
        let slot = std::mem::replace(&mut self.slots[head as usize], Slot::Inside);
        let Slot::Head(run) = slot else { unreachable!("a listed run has a head") };
        assert_eq!(run.used, 0, "a run ends only when all its blocks are home");
        self.metadata -= run.bytes();
        let warm = run.warm_free();
        self.lists[run.class.get()].warm -= warm;
        let list = &mut self.lists[run.class.get()];
        list.low = list.low.min(list.warm);
        let (_, len) = self.range_of(head, run.spans);
        // SAFETY: all blocks of the run are free (`used` is 0), and it is on no list any more.
        let base = unsafe { run.table.as_ref() }.base;
        // SAFETY: as above, and the table is not used after this.
        unsafe { Span::free(run.table) };
        // SAFETY: `begin_run` made this run with the same base and length.
        unsafe { memory.end_run(base, len) };
        // A warm span counts whole, because it is not known which pages of the gaps between blocks
        // were touched.
        let keeps_pages = memory.is_mapped() && warm > 0;
        self.mapped -= run.counted;
        if keeps_pages {
            self.mapped += len;
            self.warm_spans += run.spans as usize;
        }
        for span in head..head + run.spans {
            self.slots[span as usize] = Slot::Free { warm: keeps_pages };
            self.free_spans.insert(span as usize);
        }
        run.spans
    }

    /// Finds free spans for a block of `class` and returns the first. Ends empty runs of other
    /// classes if that helps.
    fn find_spans(
        &mut self,
        class: ClassIndex,
        spans: usize,
        place: RunPlacement,
        memory: &Memory,
    ) -> Option<u32> {
        loop {
            let found = self.find_free(class, spans, RunPlacement::Aligned);
            if found.is_some() {
                return found;
            }
            if !self.end_an_empty_run(class, spans, memory) {
                break;
            }
        }
        match place {
            RunPlacement::Aligned => None,
            RunPlacement::Anywhere => self.find_free(class, spans, place),
        }
    }

    /// Finds the lowest free span for a small class, or the highest run of free spans for a large
    /// one.
    fn find_free(&self, class: ClassIndex, spans: usize, place: RunPlacement) -> Option<u32> {
        // If the budget is no multiple of SPAN_LEN, the last span is short. It is used for blocks
        // that fit.
        let block_len = self.classes.len_of(class);
        let fits = |head: &usize| head * SPAN_LEN + block_len <= self.len;
        let found = match (spans, place) {
            (1, _) => self.free_spans.first().filter(fits),
            (_, RunPlacement::Aligned) => self.free_spans.last_aligned_run(spans, fits),
            (_, RunPlacement::Anywhere) => self.free_spans.last_run(spans, fits),
        };
        found.map(|head| head as u32)
    }

    /// Ends empty runs of other classes: one for a single span, all of them for a longer run.
    /// Returns whether there was one.
    fn end_an_empty_run(&mut self, class: ClassIndex, spans: usize, memory: &Memory) -> bool {
        let mut ended = false;
        for other in self.classes.iter().filter(|&other| other != class) {
            while let Some(head) = self.lists[other.get()].first_of(0) {
                self.end_run(head, memory);
                ended = true;
                if spans == 1 {
                    return true;
                }
            }
        }
        ended
    }

    /// The offset and the length of `spans` spans from `head`. The last span of the budget may be
    /// short.
    pub(super) fn range_of(&self, head: u32, spans: u32) -> (usize, usize) {
        let offset = head as usize * SPAN_LEN;
        (offset, (spans as usize * SPAN_LEN).min(self.len - offset))
    }

    pub(super) fn span_len(&self, span: u32) -> usize {
        self.range_of(span, 1).1
    }
}
