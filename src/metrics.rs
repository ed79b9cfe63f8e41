//! A pool's figures for the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`): for
//! Prometheus, StatsD, or whichever recorder the program installs.
//!
//! An [`Exporter`] reads the figures when it is told to: before each scrape, or by a clock. Between
//! two exports it costs nothing; leases and returns know nothing of it.
//!
//! | gauge | |
//! |---|---|
//! | `leasehold_budget_bytes` | the hard cap |
//! | `leasehold_leased_bytes` | leased blocks, and what is reserved |
//! | `leasehold_reserved_bytes` | reserved without a block; part of the leased |
//! | `leasehold_cached_bytes` | free blocks in magazines |
//! | `leasehold_mapped_bytes` | block memory that the system has given |
//! | `leasehold_metadata_bytes` | side tables, outside the budget |
//! | `leasehold_peak_bytes` | the most that was seen leased at once |
//! | `leasehold_waiting` | requests that wait for memory now, of the pool or of an account |
//! | `leasehold_class_leased_blocks` | blocks of a class that are leased |
//! | `leasehold_class_cached_blocks` | … in magazines |
//! | `leasehold_class_free_blocks` | … free with memory behind them, outside magazines |
//!
//! | counter | |
//! |---|---|
//! | `leasehold_waits_total` | requests that had to wait |
//! | `leasehold_refusals_total` | requests whose caller was told that they are refused |
//! | `leasehold_cache_flushes_total` | times that magazines were emptied for somebody who found none |
//! | `leasehold_trimmed_bytes_total` | bytes given back to the system |
//! | `leasehold_class_taken_blocks_total` | blocks of a class that left the shared store |
//!
//! All have the label `pool`, its [name](crate::Builder::name); those of a class also `block_len`,
//! in bytes. [`Stats`](crate::Stats) says more of each. Pools that are exported together need
//! different names, or one overwrites the other.
//!
//! # Accounts
//! Their names are no labels. Programs open an account for each client, and a recorder keeps each
//! value of a label that it ever saw: memory that grows with the clients that were, and that
//! whoever connects can make grow. Where the accounts are few and known, a line for each does:
//! `metrics::gauge!("uploads_leased_bytes").set(uploads.leased() as f64)`. The largest of the
//! moment are in [`Stats::accounts`](crate::Stats::accounts).

mod figure;

use std::{sync::Arc, time::Duration};

use ::metrics::{Label, SharedString};
use tokio::time::MissedTickBehavior;

use self::figure::{CLASS_FIGURES, POOL_FIGURES};
use crate::pool::{ClassStats, Pool, WeakPool};

/// Exports the figures of one pool; no handle to it, so the pool ends as if this were not there.
///
/// The recorder is that of the moment of each call: [`describe`](Self::describe) and
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
    /// Of each class, smallest first.
    class_labels: Vec<Vec<Label>>,
}

impl Exporter {
    /// An exporter of the whole pool, whichever of its accounts the handle is to.
    pub fn new(pool: &Pool) -> Self {
        let onlooker = WeakPool::new(pool);
        let name = || Label::new("pool", SharedString::from(Arc::clone(onlooker.pool_name())));
        let of_class =
            |class: &ClassStats| vec![name(), Label::new("block_len", class.block_len.to_string())];
        let class_labels = pool.stats().classes.iter().map(of_class).collect();
        Self { pool_labels: vec![name()], class_labels, onlooker }
    }

    /// Tells the recorder the unit and the meaning of each figure. Once is enough, for all pools.
    pub fn describe(&self) {
        POOL_FIGURES.iter().for_each(|figure| figure.describe());
        CLASS_FIGURES.iter().for_each(|figure| figure.describe());
    }

    /// Reads the figures and hands them to the recorder: call it before each scrape.
    ///
    /// Takes each lock of the pool once, as [`Pool::stats`] does. Once the pool is gone (no handle
    /// is left, and all blocks are home), its gauges are 0 and its counters stay as they were.
    pub fn export(&self) {
        self.export_if_open();
    }

    /// Exports at once, and then again each `period`, for recorders that are not asked: spawn it.
    ///
    /// Ends when the pool is gone, after one last export.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it only ends the exports.
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

    /// Whether there was still a pool.
    fn export_if_open(&self) -> bool {
        let stats = self.onlooker.stats();
        let is_open = stats.is_some();
        // Of a pool that is gone: zeros, which a counter ignores.
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
