//! A fixed set of small numbers, one bit each.

#[derive(Clone, Debug)]
pub(in crate::pool) struct Bits(Box<[u64]>);

impl Bits {
    /// An empty set of numbers below `len`.
    pub(in crate::pool) fn empty(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into_boxed_slice())
    }

    /// The set of all numbers below `len`.
    pub(in crate::pool) fn full(len: usize) -> Self {
        let mut bits = Self::empty(len);
        for index in 0..len {
            bits.insert(index);
        }
        bits
    }

    pub(in crate::pool) fn contains(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    /// Returns whether the number was new.
    pub(in crate::pool) fn insert(&mut self, index: usize) -> bool {
        let word = &mut self.0[index / 64];
        let bit = 1 << (index % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Returns whether the number was there.
    pub(in crate::pool) fn remove(&mut self, index: usize) -> bool {
        let word = &mut self.0[index / 64];
        let bit = 1 << (index % 64);
        let was_there = *word & bit != 0;
        *word &= !bit;
        was_there
    }

    /// The smallest number in the set.
    pub(in crate::pool) fn first(&self) -> Option<usize> {
        let (at, word) = self.0.iter().enumerate().find(|(_, word)| **word != 0)?;
        Some(at * 64 + word.trailing_zeros() as usize)
    }

    /// The smallest number in this set that is not in `other`.
    pub(in crate::pool) fn first_not_in(&self, other: &Self) -> Option<usize> {
        let mut words = self.0.iter().zip(&other.0).enumerate();
        let (at, (word, without)) = words.find(|(_, (word, without))| *word & !*without != 0)?;
        Some(at * 64 + (word & !without).trailing_zeros() as usize)
    }

    /// The highest multiple of `count` that begins a run of `count` numbers which are all in the
    /// set, and for which `fits` is true.
    pub(in crate::pool) fn last_aligned_run(
        &self,
        count: usize,
        fits: impl Fn(&usize) -> bool,
    ) -> Option<usize> {
        let starts = 0..=(self.0.len() * 64).checked_sub(count)? / count;
        let is_run = |&start: &usize| (start..start + count).all(|index| self.contains(index));
        starts.rev().map(|start| start * count).find(|start| is_run(start) && fits(start))
    }

    /// The highest start of `count` neighbours that are all in the set, and for which `fits` is
    /// true.
    pub(in crate::pool) fn last_run(
        &self,
        count: usize,
        fits: impl Fn(&usize) -> bool,
    ) -> Option<usize> {
        let mut end = self.0.len() * 64;
        let mut found = 0;
        while end > 0 {
            let index = end - 1;
            if found == 0 && self.0[index / 64] == 0 {
                end = index / 64 * 64;
                continue;
            }
            found = if self.contains(index) { found + 1 } else { 0 };
            if found >= count && fits(&index) {
                return Some(index);
            }
            end = index;
        }
        None
    }

    pub(in crate::pool) fn bytes(&self) -> usize {
        size_of_val::<[u64]>(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn insert_and_remove_report_the_change() {
        let mut bits = Bits::empty(100);
        assert!(bits.insert(70));
        assert!(!bits.insert(70));
        assert_eq!(bits.first(), Some(70));
        assert!(bits.remove(70));
        assert!(!bits.remove(70));
        assert_eq!(bits.first(), None);
    }

    #[test]
    fn first_not_in_skips_the_other_set() {
        let bits = Bits::full(130);
        let mut other = Bits::full(130);
        assert_eq!(bits.first_not_in(&other), None);
        other.remove(129);
        assert_eq!(bits.first_not_in(&other), Some(129));
    }

    #[test]
    fn the_last_run_is_the_highest_one_and_may_cross_words() {
        let mut bits = Bits::empty(200);
        (60..70).for_each(|index| {
            bits.insert(index);
        });
        bits.insert(150);
        assert_eq!(bits.last_run(10, |_| true), Some(60));
        assert_eq!(bits.last_run(4, |_| true), Some(66));
        assert_eq!(bits.last_run(1, |_| true), Some(150));
        assert_eq!(bits.last_run(11, |_| true), None);
        assert_eq!(bits.last_run(4, |&start| start < 66), Some(65));
    }

    #[test]
    fn an_aligned_run_begins_at_a_multiple_of_its_length() {
        let mut bits = Bits::empty(200);
        (62..75).for_each(|index| {
            bits.insert(index);
        });
        assert_eq!(bits.last_aligned_run(4, |_| true), Some(68));
        assert_eq!(bits.last_aligned_run(5, |_| true), Some(70));
        assert_eq!(bits.last_aligned_run(8, |_| true), Some(64));
        assert_eq!(bits.last_aligned_run(16, |_| true), None);
        assert_eq!(Bits::full(130).last_aligned_run(16, |_| true), Some(112));
        assert_eq!(Bits::full(130).last_aligned_run(16, |&start| start < 100), Some(96));
        assert_eq!(Bits::full(3).last_aligned_run(100, |_| true), None);
    }
}
