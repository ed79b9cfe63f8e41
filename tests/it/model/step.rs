//! `Step`: one thing that happens to a pool.

use std::fmt;

use proptest::{prelude::*, sample::select};

use super::ledger::LIMIT_MAX;

/// The classes of the model's pools: the room of a few blocks together tells how many of each they
/// are.
pub(crate) const CLASSES: [usize; 3] = [100, 1_010, 10_001];

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Lease,
    LeaseChain,
    Reserve,
    LayCover,
    AwaitBlock,
    AwaitChain,
    AwaitReservation,
    Cancel,
    Open,
    Close,
    Limit,
    Sleep,
    Trim,
    Put,
    SplitTo,
    SplitOff,
    Advance,
    CopyOut,
    Truncate,
    Clone,
    Slice,
    Freeze,
    Thaw,
    Reclaim,
    PopFront,
    Join,
    JoinFront,
    Link,
    MakeRoom,
    ReleaseRoom,
    ChargeTo,
    Resize,
    IntoCover,
    Drop,
    /// And whoever is served by it goes, perhaps.
    DropAndCancel,
}

/// Each as often as it is worth it: much is leased and dropped.
const VERBS: &[Verb] = &[
    Verb::Lease,
    Verb::Lease,
    Verb::Lease,
    Verb::LeaseChain,
    Verb::LeaseChain,
    Verb::Reserve,
    Verb::LayCover,
    Verb::AwaitBlock,
    Verb::AwaitBlock,
    Verb::AwaitBlock,
    Verb::AwaitChain,
    Verb::AwaitChain,
    Verb::AwaitReservation,
    Verb::Cancel,
    Verb::Open,
    Verb::Open,
    Verb::Close,
    Verb::Limit,
    Verb::Sleep,
    Verb::Trim,
    Verb::Put,
    Verb::Put,
    Verb::Put,
    Verb::SplitTo,
    Verb::SplitTo,
    Verb::SplitOff,
    Verb::Advance,
    Verb::CopyOut,
    Verb::Truncate,
    Verb::Clone,
    Verb::Slice,
    Verb::Freeze,
    Verb::Freeze,
    Verb::Thaw,
    Verb::Reclaim,
    Verb::PopFront,
    Verb::Join,
    Verb::Join,
    Verb::JoinFront,
    Verb::Link,
    Verb::MakeRoom,
    Verb::ReleaseRoom,
    Verb::ChargeTo,
    Verb::ChargeTo,
    Verb::Resize,
    Verb::IntoCover,
    Verb::Drop,
    Verb::Drop,
    Verb::Drop,
    Verb::Drop,
    Verb::DropAndCancel,
    Verb::DropAndCancel,
];

/// A verb with all that it may need; the numbers are taken modulo what there is.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) verb: Verb,
    /// Which thing, waiter or account.
    pub(crate) one: usize,
    /// Which other thing, or account.
    pub(crate) other: usize,
    /// Bytes, or milliseconds.
    pub(crate) len: usize,
    /// Whether another thread does it.
    pub(crate) is_elsewhere: bool,
}

impl fmt::Debug for Step {
    /// On one line, for a failure lists many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, one, other, len, is_elsewhere } = self;
        write!(
            f,
            "{verb:?} {{ one: {one}, other: {other}, len: {len}, is_elsewhere: {is_elsewhere} }}"
        )
    }
}

/// How a pool is built, and how it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) is_mapped: bool,
    pub(crate) has_magazines: bool,
    pub(crate) shards: usize,
    /// Of the pool's own account.
    pub(crate) limit: usize,
    /// Whether handles of accounts go before what is leased, or after it.
    pub(crate) closes_first: bool,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    // Around the lengths at which something changes: classes, and whether a piece is linked or
    // copied.
    let len = prop_oneof![3 => 0..200usize, 2 => 90..110usize, 2 => 500..1_100usize, 2 => 0..9_000usize, 1 => 9_000..12_000usize];
    (select(VERBS), 0..16usize, 0..16usize, len, any::<bool>()).prop_map(
        |(verb, one, other, len, is_elsewhere)| Step { verb, one, other, len, is_elsewhere },
    )
}

pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    let limit = prop_oneof![Just(3_000usize), Just(12_000), Just(LIMIT_MAX)];
    (any::<bool>(), any::<bool>(), 1..3usize, limit, any::<bool>()).prop_map(
        |(is_mapped, has_magazines, shards, limit, closes_first)| Setting {
            is_mapped,
            has_magazines,
            shards,
            limit,
            closes_first,
        },
    )
}
