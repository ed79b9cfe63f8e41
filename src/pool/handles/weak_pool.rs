//! `WeakPool`: reads a pool's figures without keeping the pool open.

use std::sync::{Arc, Weak};

use super::{Pool, Stats, stats};
use crate::pool::engine::{AccountNode, Core};

/// Unlike a [`Pool`] it is not a handle: the pool ends as if it were not there.
#[derive(Clone, Debug)]
pub(crate) struct WeakPool {
    core: Weak<Core>,
    pool_name: Arc<str>,
}

impl WeakPool {
    /// Makes one of the whole pool.
    pub(crate) fn new(pool: &Pool) -> Self {
        // The last of the ancestors is the pool's own account.
        let pool_name = pool.handle().ancestors().last().map_or("", AccountNode::name);
        Self { core: Arc::downgrade(&pool.handle().owner), pool_name: pool_name.into() }
    }

    /// The name of the pool's own account.
    pub(crate) fn pool_name(&self) -> &Arc<str> {
        &self.pool_name
    }

    /// The figures of the whole pool. `None` when its last handle is gone and its last block is
    /// home.
    pub(crate) fn stats(&self) -> Option<Stats> {
        self.core.upgrade().map(|core| stats::read(&core))
    }
}
