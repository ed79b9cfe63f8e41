//! A server of WebSockets, after their handshakes.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use leasehold::{
    Account,
    ws::{Config, Role, WebSocket},
};
use tokio::net::TcpStream;

use crate::attack::{
    frames::is_to_be_echoed,
    neighbour::Exchange,
    shelf::{Keep, Shelf},
    site::Site,
    wire::{BINARY, ws_frame},
};

/// A server that echoes messages, in accounts of at most `limit` bytes.
pub(crate) fn echoing(limit: usize, config: Config) -> Site {
    site(limit, config, echo)
}

/// A server that keeps messages, but for those that it is to echo; and how many it has.
pub(crate) fn keeping(limit: usize, keep: Keep) -> (Site, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let kept = Arc::clone(&count);
    let site = site(limit, config(), move |socket, account| {
        keep_all(socket, Shelf::new(keep, &account, &kept))
    });
    (site, count)
}

/// Peers that do not close have a second for it.
pub(crate) fn config() -> Config {
    Config::new().close_timeout(Duration::from_secs(1))
}

/// A server of WebSockets, of which each is `handle`d.
pub(crate) fn site<H, F>(limit: usize, config: Config, handle: H) -> Site
where
    H: Fn(WebSocket<TcpStream>, Account) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let config = Arc::new(config);
    Site::of(Exchange::echo(|payload| ws_frame(BINARY, payload)), limit, move |stream, account| {
        handle(WebSocket::with_config(stream, Role::Server, &account, Arc::clone(&config)), account)
    })
}

/// Until its end; what is no data is not for it.
async fn echo(mut socket: WebSocket<TcpStream>, _account: Account) {
    while let Some(received) = socket.recv().await {
        // The peer is told what was wrong; the end comes next.
        let Ok(message) = received else { continue };
        if message.is_data() && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn keep_all(mut socket: WebSocket<TcpStream>, mut shelf: Shelf) {
    while let Some(received) = socket.recv().await {
        let Some(message) = received.ok().and_then(|message| message.into_data()) else { continue };
        let kept = if is_to_be_echoed(&message) {
            socket.send(leasehold::ws::Message::binary(message)).await.is_ok()
        } else {
            shelf.put(message).await.is_ok()
        };
        if !kept {
            return;
        }
    }
}
