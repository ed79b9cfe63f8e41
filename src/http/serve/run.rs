//! `run`: a server from its first connection to its end.

use std::{
    future::{Future, pending, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior};

use super::{
    App, IncomingStream, RemoteAddr,
    connection::{Connection, Shared},
    connections::Connections,
    listener::Listener,
    peer::Peer,
    settings::AccountSettings,
    shutdown::Shutdown,
};
use crate::{io::ServerState, util::TICK};

/// How many waiting connections a server accepts at most when it stops: no system keeps more.
const BACKLOG_MAX: usize = 64 << 10;

/// How long tasks may take to end once they were cut. A task that blocks its thread is not waited
/// for.
const CUT_MAX: Duration = Duration::from_secs(1);

/// Accepts connections until `signal` is ready, and then ends the open ones.
pub(super) async fn run<L: Listener, A: App<L, Via>, Via>(
    mut listener: L,
    mut opener: Option<A>,
    mut shared: Shared<L::Io>,
    signal: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
) -> io::Result<Shutdown> {
    tokio::spawn(tick(Arc::downgrade(&shared.server), shared.settings.account.clone()));
    shared.settings.account.iter_mut().for_each(AccountSettings::begin);
    let shared = Arc::new(shared);
    let (server, connections) = (&shared.server, &shared.connections);
    let mut signal = signal.unwrap_or_else(|| Box::pin(pending()));
    let has_room = || connections.open() < shared.settings.max_connections;
    loop {
        let ended = connections.ended();
        let may_accept = has_room();
        tokio::select! {
            accepted = listener.accept(), if may_accept => open(&mut opener, &shared, accepted).await,
            () = ended, if !may_accept => {}
            () = &mut signal => break,
        }
    }
    let since = Instant::now();
    server.stop();
    // CLAIM: a connection that was not accepted yet may have sent a request.
    let ready = std::iter::from_fn(|| has_room().then(|| listener.accept_ready()).flatten());
    for accepted in ready.take(BACKLOG_MAX) {
        open(&mut opener, &shared, accepted).await;
    }
    drop(listener); // from here on new connections are refused
    let Some(timeout) = shared.settings.shutdown_timeout else {
        ended(connections, None).await;
        return Ok(Shutdown::new(0));
    };
    let mut ended = pin!(ended(connections, Some(server)));
    if tokio::time::timeout_at(since + timeout, ended.as_mut()).await.is_ok() {
        return Ok(Shutdown::new(0));
    }
    let cut = connections.open() + server.tied();
    server.end();
    // The tasks end as soon as they run.
    let _ = tokio::time::timeout(CUT_MAX, ended).await;
    Ok(Shutdown::new(cut))
}

/// Opens a connection: makes its service, if it is kept, and runs it in a task.
async fn open<L: Listener, A: App<L, Via>, Via>(
    opener: &mut Option<A>,
    shared: &Arc<Shared<L::Io>>,
    (io, addr): (L::Io, L::Addr),
) {
    let client = RemoteAddr::new(addr.clone());
    let peer = match opener {
        None => Peer::new(client),
        Some(app) => {
            poll_fn(|cx| app.poll_ready(cx)).await;
            let opening = app.open(IncomingStream::new(&io, addr));
            let service = opening.await;
            Peer::with_service(client, service)
        }
    };
    tokio::spawn(Connection::new(Arc::clone(shared), io, peer));
}

/// Waits until all connections have ended, and all upgraded sockets if `sockets` is given.
async fn ended(connections: &Connections, sockets: Option<&ServerState>) {
    loop {
        let mut connection = pin!(connections.ended());
        connection.as_mut().enable();
        let Some(sockets) = sockets else {
            if connections.open() == 0 {
                return;
            }
            connection.await;
            continue;
        };
        let mut socket = pin!(sockets.untied());
        socket.as_mut().enable();
        if connections.open() == 0 && sockets.tied() == 0 {
            return;
        }
        tokio::select! {
            () = connection => {}
            () = socket => {}
        }
    }
}

/// The one timer of a server; ends with it.
async fn tick(server: Weak<ServerState>, account: Option<AccountSettings>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(server) = server.upgrade() else { return };
        account.iter().for_each(AccountSettings::ask_pool);
        server.timers.tick();
        if account.as_ref().is_some_and(AccountSettings::is_short) {
            server.timers.wake_early();
        }
    }
}
