//! `HubBuilder`: how a hub is made.

use std::time::Duration;

use crate::pool::Account;

/// What one member may have queued: a few messages, as those of an outbox.
const HIGH_MARK: usize = 64 << 10;

/// Longer than a client needs that has a slow moment, and short enough that nobody notices.
const PATIENCE: Duration = Duration::from_millis(250);

/// What becomes of a member that has no room for a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SlowPolicy {
    /// The oldest messages that it has not begun to send give way: for feeds of which only the
    /// newest counts.
    #[default]
    DropOldest,
    /// It is closed, with [`CloseCode::POLICY`](super::super::CloseCode::POLICY).
    Close,
}

/// Settings of a [`Hub`](super::Hub); made by [`Hub::builder`](super::Hub::builder).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct HubBuilder {
    pub(super) account: Account,
    pub(super) max_queued: usize,
    pub(super) policy: SlowPolicy,
    pub(super) slow_member_timeout: Duration,
}

impl HubBuilder {
    pub(super) fn new(account: &Account) -> Self {
        Self {
            account: account.clone(),
            max_queued: HIGH_MARK,
            policy: SlowPolicy::default(),
            slow_member_timeout: PATIENCE,
        }
    }

    /// How many bytes may be queued for one member, 64 more counted for each message; 64 KiB by
    /// default. A larger message is taken alone.
    pub fn max_queued(self, bytes: usize) -> Self {
        Self { max_queued: bytes, ..self }
    }

    /// What becomes of members that have no room; the oldest messages give way by default.
    pub fn policy(self, policy: SlowPolicy) -> Self {
        Self { policy, ..self }
    }

    /// How long [`Hub::send`](super::Hub::send) waits for a member that has no room and does not
    /// move, neither by a message nor by 4 KiB; 250 ms by default.
    pub fn slow_member_timeout(self, slow_member_timeout: Duration) -> Self {
        Self { slow_member_timeout, ..self }
    }
}
