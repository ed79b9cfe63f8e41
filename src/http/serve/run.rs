//! `run`: a server from its first connection to its end.

use std::{
    future::{Future, pending, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};

use super::{
    App, IncomingStream, RemoteAddr,
    connection::{Connection, Shared},
    connections::Connections,
    listener::Listener,
    peer::Peer,
    room::Room,
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
    shared: Shared<L::Io>,
    signal: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
) -> io::Result<Shutdown> {
    shared.settings.builders.spawner.spawn(tick(&shared.server, &shared.settings.account));
    let shared = Arc::new(shared);
    let (server, connections) = (&shared.server, &shared.connections);
    let stopped = Notify::new();
    let accepting = async {
        let room = Room::new(&shared.settings, server, connections);
        while !server.look().1 {
            tokio::select! {
                accepted = room.ready_then(listener.accept()) => {
                    open(&mut opener, &shared, accepted).await;
                    room.make();
                }
                () = stopped.notified() => {}
            }
        }
        let has_room = || room.is_free();
        // CLAIM: a connection that was not accepted yet may have sent a request.
        let ready = std::iter::from_fn(|| has_room().then(|| listener.accept_ready()).flatten());
        for accepted in ready.take(BACKLOG_MAX) {
            open(&mut opener, &shared, accepted).await;
        }
        drop(listener); // from here on new connections are refused
    };
    let mut accepting = Box::pin(accepting);
    tokio::select! {
        () = &mut accepting => unreachable!("only a stop ends it"),
        () = signal.unwrap_or_else(|| Box::pin(pending())) => {}
    }
    let since = Instant::now();
    server.stop();
    stopped.notify_one();
    let timeout = shared.settings.shutdown_timeout;
    Ok(wind_down(server, connections, accepting, since, timeout).await)
}

/// Ends a server that has stopped at `since`. It waits for `accepting` to end, and then for all
/// connections. When `timeout` is over, it cuts those that are left.
pub(super) async fn wind_down(
    server: &ServerState,
    connections: &Connections,
    accepting: impl Future<Output = ()>,
    since: Instant,
    timeout: Option<Duration>,
) -> Shutdown {
    let sockets = timeout.map(|_| server);
    let mut all_ended = Box::pin(async {
        accepting.await;
        ended(connections, sockets).await;
    });
    let Some(timeout) = timeout else {
        all_ended.await;
        return Shutdown::new(0);
    };
    if tokio::time::timeout_at(since + timeout, all_ended.as_mut()).await.is_ok() {
        return Shutdown::new(0);
    }
    let cut = connections.open() + server.tied();
    server.end();
    drop(all_ended); // with it the connection whose service is still being made
    // The tasks end as soon as they run.
    let _ = tokio::time::timeout(CUT_MAX, ended(connections, Some(server))).await;
    Shutdown::new(cut)
}

/// Opens a connection: makes its service, if it is kept, and runs it in a task.
async fn open<L: Listener, A: App<L, Via>, Via>(
    opener: &mut Option<A>,
    shared: &Arc<Shared<L::Io>>,
    (io, addr): (L::Io, L::Addr),
) {
    let open = shared.connections.accept();
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
    let connection = Connection::new(Arc::clone(shared), open, io, peer);
    shared.settings.builders.spawner.spawn(connection);
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
pub(super) fn tick(
    server: &Arc<ServerState>,
    account: &Option<AccountSettings>,
) -> impl Future<Output = ()> + Send + 'static {
    let server = Arc::downgrade(server);
    let account = account.as_ref().map(AccountSettings::for_timer);
    async move {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let Some(server) = Weak::upgrade(&server) else { return };
            account.iter().for_each(AccountSettings::ask_pool);
            server.timers.tick();
            if account.as_ref().is_some_and(AccountSettings::is_short) {
                server.timers.wake_early();
            }
        }
    }
}
