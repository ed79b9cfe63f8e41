//! `Figure`: one number of the statistics, with its name, its unit and its meaning.

use ::metrics::{
    Label,
    Unit::{self, Bytes, Count},
    counter, describe_counter, describe_gauge, gauge,
};

use self::Read::{Counter, Gauge};
use crate::pool::{ClassStats, Stats};

/// A number read from an `S`.
pub(super) struct Figure<S> {
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    read: Read<S>,
}

enum Read<S> {
    /// Goes up and down.
    Gauge(fn(&S) -> usize),
    /// Only goes up.
    Counter(fn(&S) -> u64),
}

/// The figures of a whole pool.
#[rustfmt::skip] // a table
pub(super) const POOL_FIGURES: &[Figure<Stats>] = &[
    Figure::new("leasehold_budget_bytes", Bytes, "The hard cap.", Gauge(|pool| pool.budget)),
    Figure::new("leasehold_leased_bytes", Bytes, "Leased blocks, and what is reserved.",
        Gauge(|pool| pool.leased)),
    Figure::new("leasehold_reserved_bytes", Bytes,
        "Reserved without a block; a part of the leased bytes.",
        Gauge(|pool| pool.reserved)),
    Figure::new("leasehold_cached_bytes", Bytes, "Free blocks in magazines.",
        Gauge(|pool| pool.cached)),
    Figure::new("leasehold_mapped_bytes", Bytes, "Block memory that the system has given.",
        Gauge(|pool| pool.mapped)),
    Figure::new("leasehold_metadata_bytes", Bytes, "Side tables, outside the budget.",
        Gauge(|pool| pool.metadata)),
    Figure::new("leasehold_peak_bytes", Bytes, "The most that was ever leased at once, sampled.",
        Gauge(|pool| pool.peak)),
    Figure::new("leasehold_waiting", Count,
        "Requests that wait for memory now, of the pool or of an account.",
        Gauge(|pool| pool.waiting)),
    Figure::new("leasehold_waits_total", Count, "Requests that had to wait for memory.",
        Counter(|pool| pool.waits)),
    Figure::new("leasehold_refusals_total", Count, "Requests for memory that were refused.",
        Counter(|pool| pool.refused)),
    Figure::new("leasehold_cache_flushes_total", Count,
        "How often a lease emptied all magazines to find a block.",
        Counter(|pool| pool.cache_flushes)),
    Figure::new("leasehold_trimmed_bytes_total", Bytes, "Given back to the system by trimming.",
        Counter(|pool| pool.trimmed)),
];

/// The figures of one size class.
#[rustfmt::skip] // a table
pub(super) const CLASS_FIGURES: &[Figure<ClassStats>] = &[
    Figure::new("leasehold_class_leased_blocks", Count, "Blocks leased, by length.",
        Gauge(|class| class.leased)),
    Figure::new("leasehold_class_cached_blocks", Count, "Blocks in magazines, by length.",
        Gauge(|class| class.cached)),
    Figure::new("leasehold_class_free_blocks", Count,
        "Free blocks with memory behind them, outside magazines, by length.",
        Gauge(|class| class.free)),
    Figure::new("leasehold_class_taken_blocks_total", Count,
        "Blocks that left the shared store, by length.",
        Counter(|class| class.taken)),
];

impl<S> Figure<S> {
    const fn new(name: &'static str, unit: Unit, meaning: &'static str, read: Read<S>) -> Self {
        Self { name, unit, meaning, read }
    }

    /// Tells the recorder its unit and its meaning.
    pub(super) fn describe(&self) {
        match self.read {
            Gauge(_) => describe_gauge!(self.name, self.unit, self.meaning),
            Counter(_) => describe_counter!(self.name, self.unit, self.meaning),
        }
    }

    /// Gives the recorder its value.
    pub(super) fn export(&self, from: &S, labels: &[Label]) {
        match self.read {
            Gauge(read) => gauge!(self.name, labels.to_vec()).set(read(from) as f64),
            Counter(read) => counter!(self.name, labels.to_vec()).absolute(read(from)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The conventions of Prometheus: base units in the name, and `total` at the end of a counter.
    /// The docs must list each name.
    fn assert_conventional<S>(figures: &[Figure<S>], names: &mut BTreeSet<&'static str>) {
        for Figure { name, unit, meaning, read } in figures {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("leasehold_"), "{name}");
            assert_eq!(name.ends_with("_total"), matches!(read, Counter(_)), "{name}");
            assert_eq!(
                name.trim_end_matches("_total").ends_with("_bytes"),
                *unit == Bytes,
                "{name}"
            );
            assert!(meaning.ends_with('.'), "{name}: a sentence");
            assert!(
                include_str!("../metrics.rs").contains(&format!("| `{name}` |")),
                "{name} is not in the docs"
            );
        }
    }

    #[test]
    fn names_are_conventional_different_and_documented() {
        let mut names = BTreeSet::new();
        assert_conventional(POOL_FIGURES, &mut names);
        assert_conventional(CLASS_FIGURES, &mut names);
        assert_eq!(names.len(), POOL_FIGURES.len() + CLASS_FIGURES.len());
    }
}
