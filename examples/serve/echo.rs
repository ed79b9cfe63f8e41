//! The WebSocket that says what it hears.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use leasehold::{
    Pool,
    chain::Chain,
    io::AnyStream,
    ws::{Acceptor, CloseCode, CloseFrame, Config, Deflate, Message, WebSocket},
};
use tokio::time::timeout;
use tracing::debug;

use crate::{
    STALL_MAX,
    figures::Figures,
    sockets::{OpenSocket, Sockets},
};

/// What each socket may do.
#[derive(Clone)]
pub struct Echo {
    acceptor: Acceptor,
    sockets: Arc<Sockets>,
    /// Each socket has an account in it, of at most `account_max`.
    transfers: Pool,
    account_max: usize,
}

impl Echo {
    /// Sockets that may have so much of these transfers each: a message that goes out, and one that comes in meanwhile.
    pub fn new(transfers: &Pool, account_max: usize, figures: &Figures, deflate: Option<&Deflate>) -> Self {
        let message_max = account_max / 2;
        let config = Config::new().frame_max(message_max).message_max(message_max);
        let config = deflate.into_iter().fold(config, Config::deflate);
        let acceptor = Acceptor::new().config(Arc::new(config));
        Self { acceptor, sockets: figures.sockets().clone(), transfers: transfers.clone(), account_max }
    }
}

/// Opens a socket, for a page of any site: it hears nothing but itself.
pub async fn echo(State(echo): State<Echo>, mut request: Request) -> Response {
    let (response, upgrade) = match echo.acceptor.upgrade(&mut request) {
        Ok(upgrading) => upgrading,
        Err(error) => return IntoResponse::into_response(error),
    };
    let open = echo.sockets.open();
    let account = echo.transfers.child("/ws", echo.account_max);
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
/// Who stops in the middle of a message, or does not read, holds memory: a message that takes twice [`STALL_MAX`] to come, or once to go, ends
/// the connection. Who is silent is asked for a sign of life.
async fn repeat(mut socket: WebSocket<AnyStream>, account: &Pool, mut open: OpenSocket) {
    let mut is_asked = false;
    loop {
        let received = tokio::select! {
            received = timeout(STALL_MAX, socket.recv()) => received,
            () = open.stopped() => {
                let _ = socket.close(Some(CloseFrame::new(CloseCode::GOING_AWAY, "the server stops"))).await;
                return;
            }
        };
        let reply = match received {
            Ok(Some(Ok(message))) if message.is_data() => {
                is_asked = false;
                message
            }
            Ok(Some(Ok(word))) => {
                drop(word);
                // Between the parts of a message it is no excuse.
                is_asked = is_asked && account.leased() > 0;
                continue;
            }
            // The client is told; the socket has yet to end.
            Ok(Some(Err(error))) => {
                debug!(%error, "a socket failed");
                continue;
            }
            Err(_) if !is_asked => {
                is_asked = true;
                Message::Ping(Chain::new())
            }
            Ok(None) | Err(_) => return,
        };
        if !matches!(timeout(STALL_MAX, socket.send(reply)).await, Ok(Ok(()))) {
            return;
        }
    }
}
