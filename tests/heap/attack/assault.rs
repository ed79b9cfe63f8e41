//! `Assault`: one attack on a server while a neighbour is served, and its figures.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use crate::attack::{KIB, MIB, heap, neighbour::Neighbour, site::Site};

pub(crate) struct Assault {
    name: String,
    site: Site,
    neighbour: Neighbour,
    heap: isize,
    since: Instant,
}

impl Assault {
    /// From here on the neighbour is served.
    pub(crate) fn begin(name: impl Into<String>, site: Site) -> Self {
        let neighbour = Neighbour::start(site.address, site.exchange.clone());
        Self { name: name.into(), heap: heap_beside(&site), site, neighbour, since: Instant::now() }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Bytes of heap that came on top, the tasks of connections and what the runtime has for their
    /// sockets included, but not the pool's tables, which grow with its blocks.
    pub(crate) fn heap(&self) -> usize {
        usize::try_from(heap_beside(&self.site) - self.heap).unwrap_or(0)
    }

    /// With its peers gone: asserts that the neighbour was served, that no more than `leased_max`
    /// bytes were leased at once, and that all comes home; prints the figures.
    pub(crate) fn end(self, leased_max: usize, figures: impl Display) {
        let visits = self.neighbour.stop();
        let (peak, limit) = (self.site.all.peak(), self.site.all.limit());
        assert!(
            peak <= leased_max,
            "{}: {peak} bytes were leased at once, of {leased_max}",
            self.name
        );
        self.site.end();
        println!(
            "{}: {figures}; peak {} of {} MiB leased; well-behaved: {visits}",
            self.name,
            amount(peak),
            limit / MIB
        );
    }
}

/// What the heap holds beside the tables of the pool.
fn heap_beside(site: &Site) -> isize {
    heap::live() - site.pool.stats().metadata as isize
}

/// Bytes as people read them.
pub(crate) fn amount(bytes: usize) -> String {
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{:.1} MiB", bytes as f64 / MIB as f64),
    }
}
