//! The figures as they change, for all listeners.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::{FromRef, State},
    response::Response,
};
use bytes::BufMut;
use leasehold::{
    Account,
    io::{AnyStream, limit_unsent},
    ws::{Config, Hub, Member, SlowPolicy, Utf8Chain, WebSocket, axum::WebSocketUpgrade},
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use crate::{figures::Figures, sockets::OpenSocket, status};

/// How often the figures are sent.
const PERIOD: Duration = Duration::from_secs(1);

/// The memory of all figures on their way to listeners. One text has 1 to 4 KiB, and a listener
/// that reads has it before the next one comes.
const FEED_LEN: usize = 64 << 10;

/// How much may be queued for one listener, and how much the kernel may take before that. Old
/// figures are of no use: a listener that is some seconds behind is closed, and may come back.
const BEHIND_MAX: usize = 8 << 10;
const UNSENT_MAX: u32 = 4 << 10;

/// How long a listener may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest message of a listener: control frames.
const SAID_MAX: usize = 125;

/// How much one listener may have leased for its messages, and how much all of them.
const LISTENER_LEN: usize = 16 << 10;
const LISTENERS_LEN: usize = 64 << 10;

/// Figures that are made once a second for all listeners, while there is one. Clones are the same
/// feed.
///
/// Its memory is not a part of the transfers' memory: like the page, it must go on when the
/// transfers have used up theirs.
#[derive(Clone)]
pub struct Feed {
    figures: Arc<Figures>,
    hub: Hub,
    listeners: Account,
    config: Arc<Config>,
    /// Whether a task broadcasts. A listener joins under this lock, and the task looks for
    /// listeners and ends under it.
    is_running: Arc<Mutex<bool>>,
}

/// Opens a socket that sends the figures.
pub async fn feed(State(feed): State<Feed>, upgrade: WebSocketUpgrade) -> Response {
    let open = feed.figures.sockets().open();
    upgrade
        .config(feed.config.clone())
        .account_name("/feed")
        .on_upgrade(|socket| feed.tell(socket, open))
}

impl Feed {
    pub fn new(figures: &Arc<Figures>) -> Self {
        let clients = figures.clients();
        let config = Config::new()
            .max_message_size(SAID_MAX)
            .max_frame_size(SAID_MAX)
            .max_leased(LISTENER_LEN);
        let config = config.close_timeout(CLOSE_TIMEOUT);
        let hub = Hub::builder(&clients.account("feed", FEED_LEN));
        Self {
            figures: figures.clone(),
            hub: hub.max_queued(BEHIND_MAX).policy(SlowPolicy::Close).build(),
            listeners: clients.account("listeners", LISTENERS_LEN),
            config: Arc::new(config),
            is_running: Arc::default(),
        }
    }

    /// Sends a listener the figures until it closes, or the server stops.
    async fn tell(self, socket: WebSocket<AnyStream>, mut open: OpenSocket) {
        if let Some(tcp) = socket.get_ref().as_tcp() {
            // Without this limit, only more old figures are on their way.
            let _ = limit_unsent(tcp, UNSENT_MAX);
        }
        let mut member = self.join(socket);
        let mut end = std::pin::pin!(async { while member.recv().await.is_some() {} });
        tokio::select! {
            () = &mut end => return,
            () = open.stopped() => self.hub.close(),
        }
        end.await;
    }

    fn join(&self, socket: WebSocket<AnyStream>) -> Member<AnyStream> {
        let mut is_running = self.is_running.lock().expect("nothing panics under it");
        let member = self.hub.join(socket);
        if !*is_running {
            *is_running = true;
            tokio::spawn(self.clone().run());
        }
        member
    }

    /// Broadcasts until there is no listener.
    async fn run(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            {
                let mut is_running = self.is_running.lock().expect("nothing panics under it");
                if self.hub.is_empty() {
                    *is_running = false;
                    return;
                }
            }
            if let Err(error) = self.broadcast() {
                debug!(%error, "figures were not told");
            }
        }
    }

    fn broadcast(&self) -> anyhow::Result<()> {
        let text = status::text(&self.figures);
        // Not leased from the hub's account: the hub charges it to its account, and makes room
        // there by closing the member that holds most.
        let mut chain = self.figures.clients().try_chain(text.len())?;
        chain.put_slice(text.as_bytes());
        self.hub.try_send(Utf8Chain::try_from(chain.freeze())?)?;
        Ok(())
    }
}

impl FromRef<Feed> for Account {
    /// The account in which each listener has its own.
    fn from_ref(feed: &Feed) -> Self {
        feed.listeners.clone()
    }
}
