//! `HubBuilder`: the settings of a hub.

use std::time::Duration;

use crate::pool::Account;

/// How much one member may have queued: a few messages, as in an outbox.
const HIGH_MARK: usize = 64 << 10;

/// Longer than a slow moment of a good client, and too short to be noticed by the others.
const PATIENCE: Duration = Duration::from_millis(250);

/// What happens to a member that has no room for a message.
///
/// # Examples
/// In the docs of [`HubBuilder`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SlowPolicy {
    /// The member loses its oldest messages that it has not begun to send: for feeds in which only
    /// the newest message counts.
    #[default]
    DropOldest,
    /// The member is closed, with [`CloseCode::POLICY`](super::super::CloseCode::POLICY).
    Close,
}

/// The settings of a [`Hub`](super::Hub); made by [`Hub::builder`](super::Hub::builder).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use leasehold::{Pool, ws::{Hub, SlowPolicy}};
///
/// let pool = Pool::new(8 << 20)?;
/// let hub = Hub::builder(&pool.account("feed", 1 << 20)) // all queued messages together
///     .max_queued(16 << 10) // for one member
///     .policy(SlowPolicy::Close)
///     .slow_member_timeout(Duration::from_millis(100))
///     .build();
/// assert_eq!(hub.try_send("the hub has no member yet")?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// Sets how many bytes may be queued for one member; 64 KiB by default. Each message counts 64
    /// bytes more. A message that is larger than the limit is queued alone.
    pub fn max_queued(self, bytes: usize) -> Self {
        Self { max_queued: bytes, ..self }
    }

    /// Sets what happens to members without room; they lose their oldest messages by default.
    pub fn policy(self, policy: SlowPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets how long [`Hub::send`](super::Hub::send) waits for a member that has no room and sends
    /// neither a whole message nor 4 KiB; 250 ms by default.
    pub fn slow_member_timeout(self, slow_member_timeout: Duration) -> Self {
        Self { slow_member_timeout, ..self }
    }
}
