//! What splits a thing, or takes bytes off it.

use bytes::Buf;

use super::thing::Thing;

/// Somewhere in so many bytes, and often at their end.
fn place(len: usize, all: usize) -> usize {
    if len.is_multiple_of(3) { all } else { len % (all + 1) }
}

pub(crate) fn split_to(mut thing: Thing, len: usize) -> Vec<Thing> {
    let head = match &mut thing {
        Thing::Mut(block, range) => {
            let at = place(len, range.bytes.len());
            Thing::Mut(block.split_to(at), range.split_to(at))
        }
        Thing::Shared(block, range) => {
            let at = place(len, range.bytes.len());
            Thing::Shared(block.split_to(at), range.split_to(at))
        }
        Thing::ChainMut(chain, ranges, _) => {
            let at = place(len, ranges.len());
            Thing::ChainMut(chain.split_to(at), ranges.split_to(at), None)
        }
        Thing::Chain(chain, ranges) => {
            let at = place(len, ranges.len());
            Thing::Chain(chain.split_to(at), ranges.split_to(at))
        }
        Thing::Reserved(..) | Thing::Credit(..) => return vec![thing],
    };
    vec![thing, head]
}

pub(crate) fn split_off(mut thing: Thing, len: usize) -> Vec<Thing> {
    let tail = match &mut thing {
        Thing::Mut(block, range) => {
            let at = place(len, range.capacity());
            Thing::Mut(block.split_off(at), range.split_off(at))
        }
        Thing::Shared(block, range) => {
            let at = place(len, range.bytes.len());
            Thing::Shared(block.split_off(at), range.split_off(at))
        }
        Thing::Chain(chain, ranges) => {
            let at = place(len, ranges.len());
            let head = ranges.split_to(at);
            Thing::Chain(chain.split_off(at), std::mem::replace(ranges, head))
        }
        _ => return vec![thing],
    };
    vec![thing, tail]
}

pub(crate) fn advance(mut thing: Thing, len: usize) -> Vec<Thing> {
    match &mut thing {
        Thing::Mut(block, range) => {
            let count = place(len, range.bytes.len());
            block.advance(count);
            range.advance(count);
        }
        Thing::Shared(block, range) => {
            let count = place(len, range.bytes.len());
            block.advance(count);
            range.advance(count);
        }
        Thing::ChainMut(chain, ranges, _) => {
            let count = place(len, ranges.len());
            chain.advance(count);
            ranges.advance(count);
        }
        Thing::Chain(chain, ranges) => {
            let count = place(len, ranges.len());
            chain.advance(count);
            ranges.advance(count);
        }
        Thing::Reserved(..) | Thing::Credit(..) => {}
    }
    vec![thing]
}

/// The bytes that are taken out share their block until they are dropped, which is at once.
pub(crate) fn copy_out(mut thing: Thing, len: usize) -> Vec<Thing> {
    match &mut thing {
        Thing::Shared(block, range) => {
            let count = place(len, range.bytes.len());
            assert_eq!(block.copy_to_bytes(count)[..], range.split_to(count).bytes[..]);
        }
        Thing::ChainMut(chain, ranges, _) => {
            let count = place(len, ranges.len());
            let expected: Vec<u8> =
                ranges.split_to(count).into_pieces().flat_map(|range| range.bytes).collect();
            assert_eq!(chain.copy_to_bytes(count)[..], expected[..]);
        }
        Thing::Chain(chain, ranges) => {
            let count = place(len, ranges.len());
            let expected: Vec<u8> =
                ranges.split_to(count).into_pieces().flat_map(|range| range.bytes).collect();
            assert_eq!(chain.copy_to_bytes(count)[..], expected[..]);
        }
        _ => {}
    }
    vec![thing]
}

pub(crate) fn truncate(mut thing: Thing, len: usize) -> Vec<Thing> {
    match &mut thing {
        Thing::Mut(block, range) => {
            block.truncate(len);
            range.truncate(len);
        }
        Thing::Shared(block, range) => {
            block.truncate(len);
            range.split_off(len.min(range.bytes.len()));
        }
        Thing::Chain(chain, ranges) => {
            chain.truncate(len);
            ranges.truncate(len);
        }
        Thing::ChainMut(chain, ranges, _) => {
            chain.clear();
            ranges.advance(ranges.len());
        }
        Thing::Reserved(..) | Thing::Credit(..) => {}
    }
    vec![thing]
}

/// Another handle on a part of what is shared.
pub(crate) fn slice(thing: Thing, begin: usize, len: usize) -> Vec<Thing> {
    let bounds = |all: usize| {
        let begin = begin % (all + 1);
        (begin, begin + len.min(all - begin))
    };
    let slice = match &thing {
        Thing::Shared(block, range) => {
            let (begin, end) = bounds(range.bytes.len());
            Thing::Shared(block.slice(begin..end), range.slice(begin, end))
        }
        Thing::Chain(chain, ranges) => {
            let (begin, end) = bounds(ranges.len());
            Thing::Chain(chain.slice(begin..end), ranges.slice(begin, end))
        }
        _ => return vec![thing],
    };
    vec![thing, slice]
}
