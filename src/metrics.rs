//! A pool's figures for the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`): for
//! Prometheus, StatsD, or any other recorder that the program installs.
//!
//! An [`Exporter`] reads the figures when you call it: before each scrape, or by a clock. It costs
//! nothing between two exports, and nothing in a lease or a return.
//!
//! | gauge | |
//! |---|---|
//! | `leasehold_budget_bytes` | the hard cap |
//! | `leasehold_leased_bytes` | leased blocks, and reserved bytes |
//! | `leasehold_reserved_bytes` | reserved without a block; a part of the leased bytes |
//! | `leasehold_cached_bytes` | free blocks in magazines |
//! | `leasehold_mapped_bytes` | block memory that the system has given |
//! | `leasehold_metadata_bytes` | side tables, outside the budget |
//! | `leasehold_peak_bytes` | the most that was ever leased at once, sampled |
//! | `leasehold_waiting` | requests that wait for memory now, of the pool or of an account |
//! | `leasehold_class_leased_blocks` | blocks of a class that are leased |
//! | `leasehold_class_cached_blocks` | … in magazines |
//! | `leasehold_class_free_blocks` | … free with memory behind them, outside magazines |
//!
//! | counter | |
//! |---|---|
//! | `leasehold_waits_total` | requests that had to wait |
//! | `leasehold_refusals_total` | requests that were refused, and whose caller was told |
//! | `leasehold_cache_flushes_total` | how often a lease emptied all magazines to find a block |
//! | `leasehold_trimmed_bytes_total` | bytes given back to the system |
//! | `leasehold_class_taken_blocks_total` | blocks of a class that left the shared store |
//!
//! All figures have the label `pool`, the pool's [name](crate::Builder::name). Figures of a class
//! have the label `block_len` too, in bytes. [`Stats`](crate::Stats) explains each figure. Pools
//! that are exported together need different names; otherwise they overwrite each other.
//!
//! # Accounts
//! Names of accounts are not labels. Programs open an account for each client, and a recorder keeps
//! every value of a label that it has seen. So each new client would make the recorder's memory
//! grow. If you have a few known accounts, export each with a line of your own:
//! `metrics::gauge!("uploads_leased_bytes").set(uploads.leased() as f64)`. The largest accounts of
//! the moment are in [`Stats::accounts`](crate::Stats::accounts).

mod figure;

use std::{sync::Arc, time::Duration};

use ::metrics::{Label, SharedString};
use tokio::time::MissedTickBehavior;

use self::figure::{CLASS_FIGURES, POOL_FIGURES};
use crate::pool::{ClassStats, Pool, WeakPool};

/// Exports the figures of one pool. It holds no handle: the pool ends as it would without it.
///
/// Each call uses the recorder that is installed at that moment. [`describe`](Self::describe) and
/// [`export`](Self::export) do nothing while none is installed.
///
/// # Examples
/// ```
/// use leasehold::{Pool, metrics::Exporter};
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let prometheus = PrometheusBuilder::new().install_recorder()?;
/// let pool = Pool::builder().name("uploads").budget(16 << 20).build()?;
/// let exporter = Exporter::new(&pool);
/// exporter.describe();
///
/// let block = pool.try_lease(3000)?;
/// exporter.export(); // before each scrape
/// assert!(prometheus.render().contains(r#"leasehold_leased_bytes{pool="uploads"} 4096"#));
/// # drop(block);
/// # assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Exporter {
    onlooker: WeakPool,
    pool_labels: Vec<Label>,
    /// The labels of each class, smallest class first.
    class_labels: Vec<Vec<Label>>,
}

impl Exporter {
    /// Makes an exporter of `pool`.
    pub fn new(pool: &Pool) -> Self {
        let onlooker = WeakPool::new(pool);
        let name = || Label::new("pool", SharedString::from(Arc::clone(onlooker.pool_name())));
        let of_class =
            |class: &ClassStats| vec![name(), Label::new("block_len", class.block_len.to_string())];
        let class_labels = pool.stats().classes.iter().map(of_class).collect();
        Self { pool_labels: vec![name()], class_labels, onlooker }
    }

    /// Tells the recorder the unit and the meaning of each figure. One call is enough for all
    /// pools.
    pub fn describe(&self) {
        POOL_FIGURES.iter().for_each(|figure| figure.describe());
        CLASS_FIGURES.iter().for_each(|figure| figure.describe());
    }

    /// Reads the figures and gives them to the recorder: call it before each scrape.
    ///
    /// Takes each lock of the pool once, as [`Pool::stats`] does. When the pool is gone (no handle
    /// is left, and all blocks are home), its gauges are 0 and its counters keep their values.
    pub fn export(&self) {
        self.export_if_open();
    }

    /// Exports at once, and then once in each `period`, for recorders that are not scraped: spawn
    /// it.
    ///
    /// Ends when the pool is gone, after one last export.
    ///
    /// # Cancel safety
    /// Cancel safe: a drop only ends the exports.
    ///
    /// # Panics
    /// When polled outside of a tokio runtime with time enabled, or if `period` is zero.
    pub async fn export_every(self, period: Duration) {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !self.export_if_open() {
                return;
            }
        }
    }

    /// Exports; returns whether the pool still exists.
    fn export_if_open(&self) -> bool {
        let stats = self.onlooker.stats();
        let is_open = stats.is_some();
        // Zeros for a pool that is gone; a counter ignores them.
        let (stats, no_blocks) = (stats.unwrap_or_default(), ClassStats::default());
        for figure in POOL_FIGURES {
            figure.export(&stats, &self.pool_labels);
        }
        for (index, labels) in self.class_labels.iter().enumerate() {
            let class = stats.classes.get(index).unwrap_or(&no_blocks);
            CLASS_FIGURES.iter().for_each(|figure| figure.export(class, labels));
        }
        is_open
    }
}
