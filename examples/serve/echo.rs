//! The WebSocket that echoes its messages.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use leasehold::{
    Account,
    io::AnyStream,
    ws::{Acceptor, CloseCode, CloseFrame, Config, Deflate, KeepAlive, WebSocket},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::debug;

use crate::{
    STALL_MAX,
    figures::Figures,
    sockets::{OpenSocket, Sockets},
};

/// How long a message may take to arrive: between once and twice this, depending on when it begins.
/// It is longer than the 30 s that a message may wait for memory, so that the client is told of a
/// lack of memory.
const MESSAGE_TIME: Duration = Duration::from_secs(35);

/// The settings of all echo sockets.
#[derive(Clone)]
pub struct Echo {
    acceptor: Acceptor,
    sockets: Arc<Sockets>,
    /// Each socket has an account inside this one, of at most `max_leased` bytes.
    transfers: Account,
    max_leased: usize,
}

impl Echo {
    /// Makes the settings for messages of that length, in the account `transfers`. A socket may
    /// hold two messages, because the next one may come with the same read; and a third one while a
    /// message is inflated.
    pub fn new(
        transfers: &Account,
        max_message_size: usize,
        figures: &Figures,
        deflate: Option<&Deflate>,
    ) -> Self {
        let max_leased = max_message_size * if deflate.is_some() { 3 } else { 2 };
        let keep_alive = KeepAlive::new(STALL_MAX, STALL_MAX);
        let config = Config::new()
            .max_frame_size(max_leased)
            .max_message_size(max_message_size)
            .keep_alive(&keep_alive);
        let config = deflate.into_iter().fold(config, Config::deflate);
        let acceptor = Acceptor::new().config(Arc::new(config));
        Self {
            acceptor,
            sockets: figures.sockets().clone(),
            transfers: transfers.clone(),
            max_leased,
        }
    }
}

/// Opens a socket, for a page of any site: it hears only its own messages.
pub async fn echo(State(echo): State<Echo>, mut request: Request) -> Response {
    let (response, upgrade) = match echo.acceptor.upgrade(&mut request) {
        Ok(upgrading) => upgrading,
        Err(error) => return IntoResponse::into_response(error),
    };
    let open = echo.sockets.open();
    let account = echo.transfers.account("/ws", echo.max_leased);
    tokio::spawn(async move {
        match upgrade.accept(&account).await {
            Ok(socket) => repeat(socket, &account, open).await,
            Err(error) => debug!(%error, "a socket was not opened"),
        }
    });
    response.map(Body::new)
}

/// Sends each message back, out of the blocks that it came in, until either end closes.
///
/// A client that stops in the middle of a message holds memory, even if it answers pings. So a
/// message that takes longer than twice [`MESSAGE_TIME`] ends the connection. A client that does
/// not read within [`STALL_MAX`] ends it too.
async fn repeat(mut socket: WebSocket<AnyStream>, account: &Account, mut open: OpenSocket) {
    let mut looks = interval(MESSAGE_TIME);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_late = false;
    loop {
        let received = tokio::select! {
            received = socket.recv() => received,
            _ = looks.tick() => {
                if is_late {
                    return close(socket, CloseCode::POLICY, "a message takes too long").await;
                }
                is_late = account.leased() > 0;
                continue;
            }
            () = open.stopped() => {
                return close(socket, CloseCode::GOING_AWAY, "the server stops").await;
            }
        };
        match received {
            Some(Ok(message)) if message.is_data() => {
                is_late = false;
                if !matches!(timeout(STALL_MAX, socket.send(message)).await, Ok(Ok(()))) {
                    return;
                }
            }
            // A control message, which the socket has answered.
            Some(Ok(_)) => {}
            // The client was told; the end of the socket comes next.
            Some(Err(error)) => debug!(%error, "a socket failed"),
            None => return,
        }
    }
}

async fn close(mut socket: WebSocket<AnyStream>, code: CloseCode, reason: &'static str) {
    if let Err(error) = socket.close(Some(CloseFrame::new(code, reason))).await {
        debug!(%error, "a socket was not closed in order");
    }
}
