//! Memory itself.

use std::{
    future::{Future, poll_fn},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use leasehold::{Account, ChainMut, LeaseError, metrics::Exporter};
use tokio::task::yield_now;

use crate::{
    place::Place,
    site::{Awaited, Done, Failure, Site, again, beside, retry},
};

const BLOCK_LEN: usize = 1 << 10;
/// Longer than from one sweep to the next.
const SWEEP: Duration = Duration::from_millis(300);

/// An account without room, and somebody who makes some after a while.
async fn full<P: Place>(
    site: &Site<P>,
) -> Result<(Account, impl Future<Output = Done> + use<P>), Failure> {
    let account = site.pool.account("full", BLOCK_LEN);
    let held = retry!(site, async { account.try_lease(BLOCK_LEN) })?;
    let far = async move {
        for _ in 0..3 {
            yield_now().await;
        }
        drop(held);
        Ok(())
    };
    Ok((account, far))
}

pub(super) async fn lease<P: Place>(site: Site<P>) -> Done {
    let content = site.content(0);
    let mut block = retry!(site, site.pool.lease(content.len().min(BLOCK_LEN)))?;
    let content = &content[..content.len().min(BLOCK_LEN)];
    block.put_slice(content);
    let other = retry!(site, site.pool.lease_timeout(1, Duration::from_secs(1)))?;
    assert!(*block == *content && other.is_empty());
    Ok(())
}

pub(super) async fn lease_waiting<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let block = retry!(site, account.lease(1))?;
        assert!(block.is_empty() && account.leased() == block.block_capacity());
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn poll_lease<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let mut slot = None;
        let block = retry!(site, poll_fn(|cx| account.poll_lease(cx, &mut slot, 1)))?;
        assert!(slot.is_none() && account.leased() == block.block_capacity());
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn chain<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let len = site.plan.len.min(BLOCK_LEN);
        let mut chain = retry!(site, account.chain(len))?;
        let content = &site.content(0)[..len];
        chain.put_slice(content);
        assert_eq!(chain.freeze(), *content);
        drop(retry!(site, account.chain_timeout(len, Duration::from_secs(1)))?);
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn reserve<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let reserved = retry!(site, account.reserve(100))?;
        assert_eq!(account.leased(), 100);
        // What was admitted has its memory, whoever else wants it.
        let credit = reserved.into_credit();
        assert_eq!(credit.left(), 100);
        let more = retry!(site, account.reserve_timeout(100, Duration::from_secs(1)))?;
        assert_eq!((account.leased(), more.len()), (200, 100));
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn poll_reserve<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let mut slot = None;
        let reserved = retry!(site, poll_fn(|cx| account.poll_reserve(cx, &mut slot, 100)))?;
        assert_eq!((account.leased(), reserved.len()), (100, 100));
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn wait_for_pressure<P: Place>(site: Site<P>) -> Done {
    let waiting = async {
        again!(site, site.pool.wait_for_pressure());
        assert!(site.pool.pressure().is_high());
    };
    let share = site.pool.budget() / 4;
    let filling = async {
        let mut held = Vec::new();
        for part in [share, share, share, share - BLOCK_LEN] {
            held.push(retry!(site, async { site.pool.try_reserve(part) })?);
            yield_now().await;
        }
        // It is told while they are held.
        std::future::pending::<Result<(), LeaseError>>().await
    };
    tokio::select! {
        biased;
        () = waiting => Ok(()),
        refused = filling => Ok(refused?),
    }
}

pub(super) async fn maintain<P: Place>(site: Site<P>) -> Done {
    let mut content = Awaited::new(site.content(0));
    for piece in site.content(0).chunks(BLOCK_LEN) {
        let mut block = retry!(site, site.pool.lease(piece.len()))?;
        block.put_slice(piece);
        // It runs for as long as there is a pool.
        assert!(again!(site, tokio::time::timeout(SWEEP, site.pool.maintain())).is_err());
        content.take(&block);
    }
    content.end()
}

pub(super) async fn chain_reserve<P: Place>(site: Site<P>) -> Done {
    let (account, far) = full(&site).await?;
    let near = async {
        let content = site.content(0);
        let len = content.len().min(BLOCK_LEN);
        let mut chain = ChainMut::new(&account);
        chain.push(Bytes::from(content.clone()));
        retry!(site, chain.reserve(len))?;
        chain.put_slice(&content[..len]);
        let (mut slot, room) = (None, BLOCK_LEN - len);
        retry!(site, poll_fn(|cx| chain.poll_reserve(cx, &mut slot, room)))?;
        assert!(slot.is_none());
        assert_eq!(chain.freeze(), *[&content, &content[..len]].concat());
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn export<P: Place>(site: Site<P>) -> Done {
    let exporter = Exporter::new(&site.pool);
    let _block = retry!(site, site.pool.lease(1))?;
    // It runs for as long as there is a pool.
    assert!(
        again!(site, tokio::time::timeout(SWEEP, exporter.clone().export_every(SWEEP / 4)))
            .is_err()
    );
    Ok(())
}
