//! `Settings`: how a server treats its connections.

use std::time::Duration;

use crate::pool::Pool;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) idle_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) linger: Duration,
    pub(super) warm_max: usize,
    pub(super) connections_max: usize,
    pub(super) keep_alive: bool,
    pub(super) http2: bool,
    pub(super) header_size_max: Option<usize>,
    pub(super) account: Option<AccountSettings>,
}

/// Where the accounts of connections are opened, and what each may have.
#[derive(Clone, Debug)]
pub(super) struct AccountSettings {
    pub(super) pool: Pool,
    pub(super) limit: usize,
    /// Room for what hyper holds of heads that are long and not whole: a part of the pool, so that who never ends them cannot fill it.
    pub(super) heads: Pool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // As nginx: most clients open a new connection rather than wait longer between two requests.
            idle_timeout: Duration::from_secs(75),
            // As hyper's own default, which needs a timer to have an effect.
            header_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            warm_max: 16 << 20,
            connections_max: usize::MAX,
            keep_alive: true,
            http2: true,
            header_size_max: None,
            account: None,
        }
    }
}
