//! The WebSocket that says what it hears.

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

/// How long a message may take to come, or twice as long, depending on when it begins. More than
/// the 30 s that it may wait for memory: the client is told if it finds none.
const MESSAGE_TIME: Duration = Duration::from_secs(35);

/// What each socket may do.
#[derive(Clone)]
pub struct Echo {
    acceptor: Acceptor,
    sockets: Arc<Sockets>,
    /// Each socket has an account in it, of at most `max_leased`.
    transfers: Account,
    max_leased: usize,
}

impl Echo {
    /// Sockets that take such messages, out of these transfers. Each may have two of them, for the
    /// next one may come behind the first with the same read; and a third, if one is there while it
    /// is inflated.
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

/// Opens a socket, for a page of any site: it hears nothing but itself.
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
/// A client that stops in the middle of a message holds memory, though it may answer pings: a
/// message that takes longer than twice [`MESSAGE_TIME`] ends the connection. So does one that is
/// not read within [`STALL_MAX`].
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
            () = open.stopped() => return close(socket, CloseCode::GOING_AWAY, "the server stops").await,
        };
        match received {
            Some(Ok(message)) if message.is_data() => {
                is_late = false;
                if !matches!(timeout(STALL_MAX, socket.send(message)).await, Ok(Ok(()))) {
                    return;
                }
            }
            // A word about the connection, which the socket has answered.
            Some(Ok(_)) => {}
            // The client was told; the socket has yet to end.
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
