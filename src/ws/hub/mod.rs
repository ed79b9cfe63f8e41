//! `Hub`: one message for many sockets.
//!
//! ```text
//!                              ┌▶ mailbox ─▶ Member (a task) ─▶ socket ─▶ peer
//!  Hub::send ─▶ one Broadcast ─┼▶ mailbox ─▶ Member
//!   charged to the hub         └▶ mailbox ─▶ Member that stalls: loses its oldest, or is closed
//! ```

mod broadcast;
mod hub_builder;
mod hub_error;
mod mailbox;
mod member;
mod sending;
mod shared;

pub use self::{
    hub_builder::{HubBuilder, SlowPolicy},
    hub_error::HubError,
    member::Member,
};

use std::{fmt, sync::Arc};

use self::{broadcast::Broadcast, mailbox::Leave, sending::poll_room, shared::Shared};
use super::{Message, Role, WebSocket};
use crate::pool::Account;

/// Broadcasts messages to the sockets that [`join`](Self::join) it. Clones are the same hub.
///
/// A message exists once, however many sockets it goes to. It is charged to the hub's account until
/// the last of them has sent it. Each member has a mailbox with a limit. A member that reads too
/// slowly misses its oldest messages, or is closed ([`SlowPolicy`]); it does not slow the others
/// down.
///
/// Members that stall cannot keep the hub's memory, each with a message of its own. Once more than
/// half of the account's limit is in use, members whose share is above the average are closed. The
/// share of a member is the sum over its messages of the message's memory, divided by the number of
/// its holders. A member whose peer does not take what it has begun to send is closed at once.
///
/// # Delivery
/// `send` returns when the message is in all mailboxes that have room; each member sends it while
/// its task polls it. [`close`](Self::close) sends all that was accepted before it;
/// [`abort`](Self::abort) sends nothing more. A drop of the last handle changes nothing for
/// members.
///
/// # Shape
/// An idle member costs its socket and about 130 bytes.
///
/// # Examples
/// ```
/// use leasehold::{Pool, ws::{Hub, Message, Role, WebSocket}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::new(8 << 20)?;
/// let hub = Hub::new(&pool.account("feed", 1 << 20));
/// let (near, far) = tokio::io::duplex(1 << 10);
/// let mut member = hub.join(WebSocket::new(near, Role::Server, &pool));
/// tokio::spawn(async move { while member.recv().await.is_some() {} });
///
/// assert_eq!(hub.send("news").await?, 1);
/// let mut client = WebSocket::new(far, Role::Client, &pool);
/// assert_eq!(client.recv().await.unwrap()?, Message::from("news"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl HubBuilder {
    /// Makes the hub.
    pub fn build(self) -> Hub {
        Hub { shared: Arc::new(Shared::new(self.account.clone(), self)) }
    }
}

impl Hub {
    /// Makes a hub with the default settings; its messages are charged to `account`.
    pub fn new(account: &Account) -> Self {
        Self::builder(account).build()
    }

    /// Returns the settings of a hub: how much a member may have queued, and what happens to a slow
    /// member.
    pub fn builder(account: &Account) -> HubBuilder {
        HubBuilder::new(account)
    }

    /// Makes a socket a member: from now on it sends all that is broadcast, while it is polled.
    ///
    /// # Panics
    /// If the socket is a client: each client masks its frames with keys of its own, so no memory
    /// could be shared.
    pub fn join<T>(&self, socket: WebSocket<T>) -> Member<T> {
        assert_eq!(socket.role(), Role::Server, "only sockets of a server are members of a hub");
        Member::new(socket, &self.shared)
    }

    /// Queues a message for all members; returns how many of them have it. Members without room
    /// lose their oldest messages, or are closed.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, ws::{Hub, Role, WebSocket}};
    ///
    /// let pool = Pool::new(8 << 20)?;
    /// let hub = Hub::builder(&pool).max_queued(1000).build();
    /// let member = hub.join(WebSocket::new(tokio::io::empty(), Role::Server, &pool));
    /// // No task polls the member, so its mailbox fills, and then it loses its oldest messages.
    /// for number in 0..100 {
    ///     assert_eq!(hub.try_send(format!("message {number}"))?, 1);
    /// }
    /// assert!(member.dropped_count() > 80);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`HubError`] with the message: the hub is closed, the message is a close frame, or the
    /// account has no room for it.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<usize, HubError> {
        self.post(self.admit(message.into())?)
    }

    /// Waits until all members that keep up have room, and then does as
    /// [`try_send`](Self::try_send). So the sender slows down to the pace of the slowest member
    /// that keeps up. A member that has not moved for
    /// [`slow_member_timeout`](HubBuilder::slow_member_timeout) is not waited for.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Cancel safety
    /// A `send` that is dropped before it is ready has sent nothing.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub async fn send(&self, message: impl Into<Message>) -> Result<usize, HubError> {
        let message = self.admit(message.into())?;
        let (mut index, mut timer) = (0, None);
        std::future::poll_fn(|cx| {
            poll_room(&self.shared, message.cost(), &mut index, &mut timer, cx)
        })
        .await;
        self.post(message)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.shared.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the hub in order: it takes no more messages. Each member sends what was taken before,
    /// and then a close frame ([`CloseCode::GOING_AWAY`](super::CloseCode::GOING_AWAY)).
    ///
    /// A member has its socket's [`close_timeout`](super::Config::close_timeout) for that, while
    /// its task polls it. [`abort`](Self::abort) ends members that are still there.
    pub fn close(&self) {
        self.shared.close(Leave::HubClosed);
    }

    /// Ends the hub at once, also behind a [`close`](Self::close): each member drops what it has
    /// not sent. Its peer gets a close frame if the transport takes it without a wait. The member's
    /// stream yields an error ([`Error::is_closed`](super::Error::is_closed)), and then `None`.
    ///
    /// # Examples
    /// ```
    /// use leasehold::{Pool, ws::{Hub, Role, WebSocket}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = Pool::new(8 << 20)?;
    /// let hub = Hub::new(&pool);
    /// let (near, _does_not_read) = tokio::io::duplex(1);
    /// let mut member = hub.join(WebSocket::new(near, Role::Server, &pool));
    /// hub.try_send("last")?;
    /// hub.close(); // the member would now wait until its peer has read that
    /// hub.abort();
    /// assert!(member.recv().await.unwrap().unwrap_err().is_closed());
    /// assert!(member.recv().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort(&self) {
        self.shared.close(Leave::Aborted);
    }

    fn admit(&self, message: Message) -> Result<Arc<Broadcast>, HubError> {
        if self.shared.is_closed() {
            return Err(HubError::closed(message));
        }
        Ok(Arc::new(Broadcast::new(message).map_err(HubError::close_frame)?))
    }

    fn post(&self, message: Arc<Broadcast>) -> Result<usize, HubError> {
        if let Err(error) = self.shared.charge(&message) {
            return Err(HubError::lease(message.to_message(), error));
        }
        Ok(self.shared.post(&message))
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("account", &self.shared.account)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
