//! Resident memory three seconds after 256 MiB in 64 KiB blocks came home, in MiB above the start.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::{BufMut, BytesMut};
use leasehold::Pool;
use tokio::sync::Barrier;

const BLOCK_LEN: usize = 64 << 10;
const TASKS: usize = 64;
const BLOCKS_PER_TASK: usize = 64;
const WAIT: Duration = Duration::from_secs(3);
/// What a page of `statm` is; on every system that this is measured on.
const PAGE_LEN: usize = 4096;

pub(crate) fn run(allocator: &str) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!("256 MiB in 64 KiB blocks, MiB of resident memory above the start:");
    println!("{:<24} {:>10} {:>10}", "", "at its top", "3 s later");
    runtime.block_on(async {
        let start = resident()?;
        let pool = Pool::new(512 << 20)?;
        let sweeps = tokio::spawn(pool.maintain());
        let leasing = pool.clone();
        let top =
            burst(move || leasing.try_lease(BLOCK_LEN).expect("the budget is twice the burst"))
                .await?;
        tokio::time::sleep(WAIT).await;
        report("leasehold", start, top, resident()?);
        assert_eq!(pool.leased(), 0);
        sweeps.abort();
        drop(pool);

        let start = resident()?;
        let top = burst(|| BytesMut::with_capacity(BLOCK_LEN)).await?;
        tokio::time::sleep(WAIT).await;
        report(&format!("BytesMut_{allocator}"), start, top, resident()?);
        anyhow::Ok(())
    })
}

/// Holds all blocks at once, filled, in many tasks; returns the resident memory then, when all are
/// dropped.
async fn burst<B: BufMut + Send + 'static>(
    lease: impl Fn() -> B + Clone + Send + 'static,
) -> anyhow::Result<usize> {
    let filled = Arc::new(Barrier::new(TASKS + 1));
    let seen = Arc::new(Barrier::new(TASKS + 1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (filled, seen, lease) = (Arc::clone(&filled), Arc::clone(&seen), lease.clone());
        tasks.spawn(async move {
            let mut blocks: Vec<B> = (0..BLOCKS_PER_TASK).map(|_| lease()).collect();
            for block in &mut blocks {
                block.put_bytes(1, BLOCK_LEN);
            }
            filled.wait().await;
            seen.wait().await;
            drop(blocks);
        });
    }
    filled.wait().await;
    let top = resident()?;
    seen.wait().await;
    while let Some(done) = tasks.join_next().await {
        done?;
    }
    Ok(top)
}

fn report(name: &str, start: usize, top: usize, later: usize) {
    let above = |bytes: usize| (bytes as f64 - start as f64) / f64::from(1 << 20);
    println!("{name:<24} {:>10.1} {:>10.1}", above(top), above(later));
}

/// Resident memory of this process in bytes.
fn resident() -> anyhow::Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")
        .context("resident memory is read from Linux's /proc")?;
    let pages = statm.split_whitespace().nth(1).context("statm has a second field")?;
    Ok(pages.parse::<usize>()? * PAGE_LEN)
}
