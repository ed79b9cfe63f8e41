//! `Batch`: the items that are offered to the transport in one call.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Buf;

use super::item::Item;

/// The most items of a batch. Each item has at least one segment, so this many fill a call (see
/// `write::SLICES_MAX`).
const BATCH_MAX: usize = 64;

/// Several items, read as one `Buf`. It keeps FULL-VECTOR over all items, and EARLY-RETURN.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: VecDeque<Item>,
    /// Whether a part of the first item was written.
    pub(super) is_begun: bool,
    len: usize,
}

impl Batch {
    /// Takes as many items off the front as one call can send. `is_begun` is that of the first one.
    pub(super) fn take(queue: &mut VecDeque<Item>, is_begun: bool) -> Self {
        let items = if queue.len() <= BATCH_MAX {
            std::mem::take(queue)
        } else {
            queue.drain(..BATCH_MAX).collect()
        };
        let len = items.iter().map(|item| item.chain.len()).sum();
        Self { items, is_begun, len }
    }

    pub(super) fn cost(&self) -> usize {
        self.items.iter().map(Item::cost).sum()
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.items.front().map_or(&[], |item| item.chain.chunk())
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for item in &self.items {
            if count == dst.len() {
                break;
            }
            count += item.chain.chunks_vectored(&mut dst[count..]);
        }
        count
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.len, "advance {count} of {} bytes", self.len);
        self.len -= count;
        let mut left = count;
        while left > 0 {
            let Some(item) = self.items.front_mut() else { return };
            if left < item.chain.len() {
                item.chain.advance(left);
                self.is_begun = true;
                return;
            }
            left -= item.chain.len();
            self.is_begun = false;
            drop(self.items.pop_front());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Item};
    use crate::chain::Chain;
    use bytes::{Buf, Bytes};
    use std::{collections::VecDeque, io::IoSlice};

    fn queue(items: &[&[&'static str]]) -> VecDeque<Item> {
        let chain = |parts: &[&'static str]| parts.iter().copied().collect::<Chain>();
        items.iter().zip(0..).map(|(parts, number)| Item { chain: chain(parts), number }).collect()
    }

    #[test]
    fn a_batch_is_one_buffer_whatever_it_is_advanced_by() {
        const ITEMS: &[&[&str]] = &[&["ab", "c"], &["d"], &["ef", "gh", "i"]];
        for step in 1..=9 {
            let mut batch = Batch::take(&mut queue(ITEMS), false);
            let mut expected = &b"abcdefghi"[..];
            while batch.has_remaining() {
                assert_eq!(batch.remaining(), expected.len());
                for room in 1..8 {
                    let mut slices = vec![IoSlice::new(&[]); room];
                    let count = batch.chunks_vectored(&mut slices);
                    let listed: Vec<u8> =
                        slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
                    assert!(
                        expected.starts_with(&listed)
                            && (count == room || listed.len() == expected.len())
                    );
                }
                assert!(!batch.chunk().is_empty() && expected.starts_with(batch.chunk()));
                let count = step.min(expected.len());
                batch.advance(count);
                expected = &expected[count..];
                assert_eq!(batch.is_begun, ![9, 6, 5, 0].contains(&expected.len()));
                // A segment is left while fewer bytes follow it than are left.
                let segments =
                    [7, 6, 5, 3, 1, 0].iter().filter(|&&behind| behind < expected.len()).count();
                assert_eq!(batch.cost(), expected.len() + 64 * segments);
            }
            assert!(expected.is_empty() && batch.items.is_empty() && batch.cost() == 0);
        }
    }

    #[test]
    fn a_batch_takes_no_more_items_than_fill_a_call() {
        let mut queue: VecDeque<Item> = (0..100)
            .map(|number| Item { chain: Bytes::from_static(b"x").into(), number })
            .collect();
        let batch = Batch::take(&mut queue, false);
        assert_eq!((batch.items.len(), queue.len(), queue[0].number), (64, 36, 64));
    }
}
