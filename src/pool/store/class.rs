//! The size classes of a pool, and which block holds which length.

/// The most classes a pool may have.
pub(in crate::pool) const CLASSES_MAX: usize = 16;

/// The largest block a pool may have: 16 MiB, so that offsets within a block fit in 32 bits with
/// room to spare.
pub(in crate::pool) const CLASS_LEN_MAX: usize = 16 << 20;

/// 1 KiB for heads and small messages, 4 KiB for pages, 20 KiB for a whole TLS record (18,437
/// bytes) or HTTP/2 frame (16,393), 64 KiB for reads. 256 KiB and 1 MiB serve code that asks for
/// them.
pub(in crate::pool) const DEFAULT_CLASSES: [usize; 6] =
    [1 << 10, 4 << 10, 20 << 10, 64 << 10, 256 << 10, 1 << 20];

/// The place of a class in its pool, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::pool) struct ClassIndex(u8);

impl ClassIndex {
    #[inline]
    pub(in crate::pool) fn get(self) -> usize {
        // The mask tells the compiler what `Classes::new` has checked. It saves the bounds checks
        // of arrays of classes.
        usize::from(self.0) & (CLASSES_MAX - 1)
    }
}

/// The block lengths of a pool, ascending.
#[derive(Clone, Debug)]
pub(in crate::pool) struct Classes {
    /// The entries after the last class are `u32::MAX`, which no length reaches.
    lens: [u32; CLASSES_MAX],
    count: u8,
}

/// What is wrong with a list of block lengths.
#[derive(Debug)]
pub(in crate::pool) enum ClassesError {
    None,
    TooMany { count: usize },
    Zero,
    TooLarge { len: usize },
    Unsorted { before: usize, len: usize },
}

impl Classes {
    pub(in crate::pool) fn new(lens: &[usize]) -> Result<Self, ClassesError> {
        if lens.is_empty() {
            return Err(ClassesError::None);
        }
        if lens.len() > CLASSES_MAX {
            return Err(ClassesError::TooMany { count: lens.len() });
        }
        let mut sizes = [u32::MAX; CLASSES_MAX];
        let mut before = 0;
        for (size, &len) in sizes.iter_mut().zip(lens) {
            if len == 0 {
                return Err(ClassesError::Zero);
            }
            if len > CLASS_LEN_MAX {
                return Err(ClassesError::TooLarge { len });
            }
            if len <= before {
                return Err(ClassesError::Unsorted { before, len });
            }
            before = len;
            *size = u32::try_from(len).expect("at most CLASS_LEN_MAX");
        }
        Ok(Self { lens: sizes, count: u8::try_from(lens.len()).expect("at most CLASSES_MAX") })
    }

    /// The smallest class that holds `len` bytes.
    #[inline]
    pub(in crate::pool) fn holding(&self, len: usize) -> Option<ClassIndex> {
        let len = u32::try_from(len).ok()?;
        let index = self.lens.iter().position(|&class_len| len <= class_len)? as u8;
        (index < self.count).then_some(ClassIndex(index))
    }

    /// The next class up.
    pub(in crate::pool) fn above(&self, class: ClassIndex) -> Option<ClassIndex> {
        let above = class.0 + 1;
        (above < self.count).then_some(ClassIndex(above))
    }

    #[inline]
    pub(in crate::pool) fn len_of(&self, class: ClassIndex) -> usize {
        self.lens[class.get()] as usize
    }

    pub(in crate::pool) fn largest(&self) -> ClassIndex {
        ClassIndex(self.count - 1)
    }

    #[inline]
    pub(in crate::pool) fn iter(&self) -> impl DoubleEndedIterator<Item = ClassIndex> + use<> {
        (0..self.count).map(ClassIndex)
    }

    /// The class to lease next when `wanted` bytes of a chain are still without room, and at most
    /// `blocks` more may be leased. It is the smallest class that holds all of them, if that wastes
    /// at most a quarter of them, or if smaller blocks would be too many. Otherwise it is the
    /// largest class that they fill.
    pub(in crate::pool) fn for_chain(&self, wanted: usize, blocks: usize) -> ClassIndex {
        let filled = self.iter().rev().find(|&class| self.len_of(class) <= wanted);
        match (self.holding(wanted), filled) {
            (Some(holding), None) => holding,
            (Some(holding), _) if self.len_of(holding) <= wanted + wanted / 4 => holding,
            (Some(holding), Some(filled)) if !self.can_hold(filled, wanted, blocks) => holding,
            (_, Some(filled)) => filled,
            (None, None) => unreachable!("a length that no class holds fills the largest one"),
        }
    }

    /// Whether `blocks` blocks of `class` together hold `len` bytes.
    pub(in crate::pool) fn can_hold(&self, class: ClassIndex, len: usize, blocks: usize) -> bool {
        len.div_ceil(self.len_of(class)) <= blocks
    }
}

#[cfg(test)]
mod tests {
    use super::{Classes, DEFAULT_CLASSES};

    fn classes() -> Classes {
        Classes::new(&DEFAULT_CLASSES).expect("the defaults are valid")
    }

    #[test]
    fn a_length_gets_the_smallest_class_that_holds_it() {
        let classes = classes();
        let len_for = |len| classes.holding(len).map(|class| classes.len_of(class));
        assert_eq!(len_for(0), Some(1 << 10));
        assert_eq!(len_for(1024), Some(1 << 10));
        assert_eq!(len_for(1025), Some(4 << 10));
        assert_eq!(len_for(18_437), Some(20 << 10));
        assert_eq!(len_for(1 << 20), Some(1 << 20));
        assert_eq!(len_for((1 << 20) + 1), None);
    }

    #[test]
    fn a_chain_is_made_of_few_blocks_with_little_waste() {
        let classes = classes();
        let plan = |mut len: usize| {
            let mut blocks = Vec::new();
            while len > 0 {
                let block = classes.len_of(classes.for_chain(len, 63 - blocks.len()));
                blocks.push(block >> 10);
                len = len.saturating_sub(block);
            }
            blocks
        };
        assert_eq!(plan((1 << 20) + 4096), [1024, 4]);
        assert_eq!(plan(63 << 10), [64]);
        assert_eq!(plan(5000), [4, 1]);
        assert_eq!(plan(1), [1]);
        assert_eq!(plan(100 << 10), [64, 20, 20]);
        assert_eq!(plan(3 << 20), [1024, 1024, 1024]);
    }
}
