//! `Slots`: a list whose places are used again.
//!
//! # Invariants
//! - GENERATION: an id names its place only until its value is removed. The place has another
//!   generation from then on, so an id that is out of date finds nothing. A generation comes again
//!   after 63 others. Each id has one owner that removes it once; a mistake in that is found here.
//! - FREE: an index is in `free` exactly while its place is empty.

/// Bits of an id that are its index: 67 million values.
const INDEX_BITS: u32 = 26;

/// Names a value in a list of slots: an index, and a generation above it. Sockets keep ids while
/// they are idle, so both share four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotId(u32);

/// Values with ids. A value costs one byte beside its own `Option`.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    values: Vec<Option<T>>,
    /// Of each place (GENERATION).
    generations: Vec<u8>,
    free: Vec<u32>,
}

impl SlotId {
    fn new(index: u32, generation: u8) -> Self {
        Self(index | u32::from(generation) << INDEX_BITS)
    }

    pub(crate) fn index(self) -> u32 {
        self.0 & ((1 << INDEX_BITS) - 1)
    }

    fn generation(self) -> u8 {
        (self.0 >> INDEX_BITS) as u8
    }
}

impl<T> Slots<T> {
    /// Puts a value in, at a free place if there is one.
    pub(crate) fn insert(&mut self, value: T) -> SlotId {
        let index = self.free.pop().unwrap_or_else(|| {
            assert!(self.values.len() < 1 << INDEX_BITS, "there are more than 67 million values");
            self.values.push(None);
            self.generations.push(0);
            self.places() - 1
        });
        self.values[index as usize] = Some(value);
        SlotId::new(index, self.generations[index as usize])
    }

    pub(crate) fn remove(&mut self, id: SlotId) -> Option<T> {
        self.get_mut(id)?;
        let (index, next) = (id.index(), id.generation() + 1);
        self.generations[index as usize] = next % (1 << (u32::BITS - INDEX_BITS));
        self.free.push(index);
        self.values[index as usize].take()
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut T> {
        let is_named = self.generations.get(id.index() as usize) == Some(&id.generation());
        if is_named { self.at_mut(id.index()) } else { None }
    }

    /// The value at a place, if one is there.
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        self.values.get(index as usize)?.as_ref()
    }

    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.values.get_mut(index as usize)?.as_mut()
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len() - self.free.len()
    }

    /// How many places there are, empty ones too.
    pub(crate) fn places(&self) -> u32 {
        self.values.len() as u32
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { values: Vec::new(), generations: Vec::new(), free: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_an_old_id_finds_nothing() {
        let mut slots = Slots::default();
        let (first, second) = (slots.insert("first"), slots.insert("second"));
        assert_eq!(slots.remove(first), Some("first"));
        assert_eq!((slots.remove(first), slots.get_mut(first)), (None, None));
        let third = slots.insert("third");
        assert_eq!(third.index(), first.index());
        assert_eq!((slots.remove(first), slots.get_mut(first)), (None, None));
        assert_eq!(slots.get_mut(third), Some(&mut "third"));
        assert_eq!(slots.get_mut(second), Some(&mut "second"));
        assert_eq!((slots.count(), slots.places()), (2, 2));
    }

    #[test]
    fn generations_come_round() {
        let mut slots = Slots::default();
        let first = slots.insert(0);
        slots.remove(first);
        for value in 1..64 {
            let id = slots.insert(value);
            assert_eq!((id.index(), id == first, slots.get_mut(first)), (0, false, None));
            assert_eq!(slots.remove(id), Some(value));
        }
        assert_eq!(slots.insert(64), first);
    }

    #[test]
    fn places_are_told_from_values() {
        let mut slots = Slots::default();
        let ids: Vec<_> = (0..4).map(|value| slots.insert(value)).collect();
        slots.remove(ids[1]);
        assert_eq!(slots.iter().copied().collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!((slots.at(1), slots.at(2), slots.at(4)), (None, Some(&2), None));
        *slots.at_mut(2).expect("it is there") = 7;
        assert_eq!((slots.count(), slots.places(), slots.get_mut(ids[2])), (3, 4, Some(&mut 7)));
    }
}
