//! What the steps do to a thing.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes};
use leasehold::Segment;

use super::{
    cuts::{advance, copy_out, slice, split_off, split_to, truncate},
    machine::Machine,
    range::{BlockId, Range},
    ranges::Ranges,
    step::{Step, Verb},
    thing::Thing,
    waiter::Want,
};

impl Machine {
    /// `thing` was taken out of the list; what it becomes goes there.
    pub(crate) fn step_thing(&mut self, step: Step, thing: Thing) {
        let Step { verb, one, other, len, is_elsewhere } = step;
        let made = match verb {
            Verb::Drop => {
                self.forget(&thing);
                self.elsewhere.run(is_elsewhere, move || drop(thing));
                return;
            }
            Verb::DropAndCancel => {
                self.forget(&thing);
                drop(thing);
                return self.cancel(other);
            }
            Verb::Put => self.put(thing, len),
            Verb::SplitTo => split_to(thing, len),
            Verb::SplitOff => split_off(thing, len),
            Verb::Advance => advance(thing, len),
            Verb::CopyOut => copy_out(thing, len),
            Verb::Truncate => truncate(thing, len),
            Verb::Clone => slice(thing, 0, usize::MAX),
            Verb::Slice => slice(thing, len, one * 100),
            Verb::Freeze => freeze(thing),
            Verb::Thaw => self.thaw(thing),
            Verb::Reclaim => self.reclaim(thing, len),
            Verb::PopFront => pop_front(thing),
            Verb::Join | Verb::JoinFront if !self.things.is_empty() => {
                let second = self.things.swap_remove(other % self.things.len());
                if verb == Verb::Join { join(thing, second) } else { join_front(thing, second) }
            }
            Verb::Link => self.link(thing, len),
            Verb::MakeRoom => self.make_room(thing, len),
            Verb::ReleaseRoom => release_room(thing),
            Verb::ChargeTo => {
                self.things.push(thing);
                return self.charge_to(other);
            }
            Verb::Resize => self.resize(thing, len),
            Verb::IntoCover => self.cover_with(thing),
            _ => vec![thing],
        };
        self.things.extend(made);
    }

    /// A credit that goes takes what it has left with it.
    fn forget(&mut self, thing: &Thing) {
        if let Thing::Credit(_, account, laid) = thing {
            let credit = &mut self.ledger.accounts[*account].credit;
            *credit -= (*laid).min(*credit);
        }
    }

    /// Bytes that differ from those that were written before.
    fn pattern(&mut self, len: usize) -> Vec<u8> {
        self.written = self.written.wrapping_add(37);
        (0..len).map(|at| self.written.wrapping_add(at as u8)).collect()
    }

    fn put(&mut self, mut thing: Thing, len: usize) -> Vec<Thing> {
        match &mut thing {
            Thing::Mut(block, range) => {
                let bytes = self.pattern(len.min(range.room));
                block.put_slice(&bytes);
                range.put(&bytes);
            }
            Thing::ChainMut(chain, ranges, _) => {
                let bytes = self.pattern(len.min(ranges.room()));
                chain.put_slice(&bytes);
                ranges.put(&bytes);
            }
            _ => {}
        }
        vec![thing]
    }

    /// Whether nobody else has a part of the block; the thing that asks is out of the list.
    fn is_only(&self, block: BlockId) -> bool {
        !self.things.iter().any(|thing| thing.held().contains(&block))
    }

    fn thaw(&self, thing: Thing) -> Vec<Thing> {
        let Thing::Shared(block, mut range) = thing else { return vec![thing] };
        let only = range.held().filter(|&held| self.is_only(held));
        let thawed = match (block.try_into_mut(), only) {
            (Ok(block), Some(held)) => {
                range.thaw(self.ledger.blocks[&held].capacity);
                Thing::Mut(block, range)
            }
            (Err(block), None) => Thing::Shared(block, range),
            (thawed, only) => panic!("{thawed:?} of {range:?}, the only one: {only:?}"),
        };
        vec![thawed]
    }

    fn reclaim(&self, thing: Thing, additional: usize) -> Vec<Thing> {
        let Thing::Mut(mut block, mut range) = thing else { return vec![thing] };
        let additional = additional % (block.block_capacity() + 2);
        let mut is_there = range.room >= additional;
        if let Some(held) = range.held().filter(|&held| !is_there && self.is_only(held)) {
            let capacity = self.ledger.blocks[&held].capacity;
            is_there = capacity - range.bytes.len() >= additional;
            if range.room_before(capacity) >= additional {
                range.thaw(capacity);
            } else if is_there {
                range.take_all(capacity);
            }
        }
        assert_eq!(block.try_reclaim(additional), is_there);
        vec![Thing::Mut(block, range)]
    }

    fn link(&mut self, mut thing: Thing, len: usize) -> Vec<Thing> {
        let bytes = self.pattern(len);
        match &mut thing {
            Thing::ChainMut(chain, ranges, _) => {
                chain.push(Bytes::from(bytes.clone()));
                ranges.push(Range::foreign(bytes));
            }
            Thing::Chain(chain, ranges) => {
                chain.push(Bytes::from(bytes.clone()));
                ranges.link([Range::foreign(bytes)]);
            }
            _ => {}
        }
        vec![thing]
    }

    fn make_room(&mut self, thing: Thing, len: usize) -> Vec<Thing> {
        let Thing::ChainMut(mut chain, mut ranges, account) = thing else { return vec![thing] };
        let (len, before) = (len.min(9_000), ranges.room());
        let missing = Want::Chain(len.saturating_sub(before));
        match (chain.try_reserve(len), account) {
            (Ok(()), Some(account)) => {
                let room = self.fresh_room(account, chain.remaining_mut() - before);
                ranges.add_room(room);
                assert!(ranges.room() >= len);
            }
            (Ok(()), None) => assert!(before >= len, "a part that was split off cannot lease"),
            (Err(error), Some(account)) => self.assert_refused_rightly(account, missing, &error),
            (Err(error), None) => assert!(error.is_detached() && before < len),
        }
        vec![Thing::ChainMut(chain, ranges, account)]
    }

    /// Charges the last thing to another account: all of its blocks, or none.
    fn charge_to(&mut self, one: usize) {
        let (account, pool) = self.account(one);
        let thing = self.things.last().expect("it was put there");
        let charged = match thing {
            Thing::Mut(block, _) => block.charge_to(&pool),
            Thing::Shared(block, _) => block.charge_to(&pool),
            Thing::ChainMut(chain, ..) => chain.charge_to(&pool),
            Thing::Chain(chain, _) => chain.charge_to(&pool),
            Thing::Reserved(..) | Thing::Credit(..) => return,
        };
        let blocks: BTreeSet<BlockId> = thing.held().into_iter().collect();
        match charged {
            Ok(()) => {
                self.tally.moved += usize::from(!blocks.is_empty());
                for block in blocks {
                    self.ledger.blocks.get_mut(&block).expect("it is not home").account = account;
                }
            }
            Err(error) => {
                assert!(error.is_over_limit(), "{error}");
                self.assert_not_moved_rightly(account, &blocks);
            }
        }
    }

    fn resize(&mut self, thing: Thing, len: usize) -> Vec<Thing> {
        let Thing::Reserved(mut reservation, account, before) = thing else { return vec![thing] };
        reservation.shrink_to(len);
        let grown = if len > before { reservation.try_grow_to(len) } else { Ok(()) };
        let after = match grown {
            Ok(()) => len,
            Err(error) => {
                self.assert_refused_rightly(account, Want::Reservation(len - before), &error);
                before
            }
        };
        vec![Thing::Reserved(reservation, account, after)]
    }

    fn cover_with(&mut self, thing: Thing) -> Vec<Thing> {
        let Thing::Reserved(reservation, account, len) = thing else { return vec![thing] };
        self.ledger.accounts[account].credit += len;
        vec![Thing::Credit(reservation.into_credit(), account, len)]
    }
}

fn freeze(thing: Thing) -> Vec<Thing> {
    vec![match thing {
        Thing::Mut(block, range) => Thing::Shared(block.freeze(), range.freeze()),
        Thing::ChainMut(chain, ranges, _) => Thing::Chain(chain.freeze(), ranges.freeze()),
        other => other,
    }]
}

fn pop_front(mut thing: Thing) -> Vec<Thing> {
    let Thing::Chain(chain, ranges) = &mut thing else { return vec![thing] };
    let popped = match (chain.pop_front(), ranges.pop_front()) {
        (Some(Segment::Block(block)), Some(range)) => Thing::Shared(block, range),
        (Some(Segment::Bytes(bytes)), Some(range)) => {
            assert_eq!((&bytes[..], range.held()), (&range.bytes[..], None));
            return vec![thing];
        }
        (None, None) => return vec![thing],
        (popped, range) => panic!("{popped:?}, not {range:?}"),
    };
    vec![thing, popped]
}

fn join(one: Thing, two: Thing) -> Vec<Thing> {
    match (one, two) {
        (Thing::Mut(mut block, mut range), Thing::Mut(next, next_range)) => {
            let is_next = range.is_followed_by(&next_range);
            match block.unsplit(next) {
                Ok(()) => {
                    assert!(is_next, "{range:?} is not followed by {next_range:?}");
                    range.join(next_range);
                    vec![Thing::Mut(block, range)]
                }
                Err(next) => {
                    assert!(!is_next, "{range:?} is followed by {next_range:?}");
                    vec![Thing::Mut(block, range), Thing::Mut(next, next_range)]
                }
            }
        }
        (Thing::Chain(mut chain, mut ranges), Thing::Chain(next, next_ranges)) => {
            chain.append(next);
            ranges.link(next_ranges.into_pieces());
            vec![Thing::Chain(chain, ranges)]
        }
        (Thing::Chain(mut chain, mut ranges), Thing::Shared(next, next_range)) => {
            chain.push(next);
            ranges.link([next_range]);
            vec![Thing::Chain(chain, ranges)]
        }
        (Thing::Chain(mut chain, mut ranges), Thing::Mut(next, next_range)) => {
            chain.push(next);
            ranges.link([next_range.freeze()]);
            vec![Thing::Chain(chain, ranges)]
        }
        (Thing::ChainMut(mut chain, mut ranges, account), Thing::Chain(next, next_ranges)) => {
            chain.append(next);
            next_ranges.into_pieces().for_each(|range| ranges.push(range));
            vec![Thing::ChainMut(chain, ranges, account)]
        }
        (Thing::ChainMut(mut chain, mut ranges, account), Thing::Shared(next, next_range)) => {
            chain.push(next);
            ranges.push(next_range);
            vec![Thing::ChainMut(chain, ranges, account)]
        }
        (Thing::Shared(block, range), Thing::Shared(next, next_range)) => {
            let chain = [block, next].into_iter().collect();
            let mut ranges = Ranges::default();
            ranges.link([range, next_range]);
            vec![Thing::Chain(chain, ranges)]
        }
        (one, two) => vec![one, two],
    }
}

fn join_front(one: Thing, two: Thing) -> Vec<Thing> {
    match (one, two) {
        (Thing::Shared(block, range), Thing::Chain(mut chain, mut ranges)) => {
            chain.push_front(block);
            ranges.link_front(range);
            vec![Thing::Chain(chain, ranges)]
        }
        (one, two) => vec![one, two],
    }
}

fn release_room(mut thing: Thing) -> Vec<Thing> {
    if let Thing::ChainMut(chain, ranges, _) = &mut thing {
        chain.release_room();
        ranges.release_room();
    }
    vec![thing]
}
