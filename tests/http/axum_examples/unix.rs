//! A listener of one's own, on a Unix socket, whose clients are known by their credentials.

use std::{
    future::IntoFuture,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, connect_info::Connected},
    routing::{get, post},
};
use leasehold::{
    Pool,
    http::serve::{AxumListener, IncomingStream, from_axum, serve},
};
use tokio::{
    net::{
        UnixListener, UnixStream,
        unix::{SocketAddr, UCred},
    },
    task::JoinHandle,
};

use super::visitor::{Answer, Visitor};
use crate::support::http_client::until;

/// Counts its clients. It is of axum's trait.
struct Counts {
    listener: UnixListener,
    count: Arc<AtomicUsize>,
}

impl axum::serve::Listener for Counts {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        let accepted = axum::serve::Listener::accept(&mut self.listener).await;
        self.count.fetch_add(1, Relaxed);
        accepted
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who the client of a Unix socket is.
#[derive(Clone)]
struct UdsConnectInfo {
    credentials: UCred,
    is_unnamed: bool,
}

impl UdsConnectInfo {
    fn new(stream: &UnixStream, client: &SocketAddr) -> Self {
        let credentials = stream.peer_cred().expect("the system tells");
        Self { credentials, is_unnamed: client.is_unnamed() }
    }
}

impl Connected<axum::serve::IncomingStream<'_, Counts>> for UdsConnectInfo {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Counts>) -> Self {
        Self::new(stream.io(), stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, AxumListener<Counts>>> for UdsConnectInfo {
    fn connect_info(stream: IncomingStream<'_, AxumListener<Counts>>) -> Self {
        Self::new(stream.io(), stream.remote_addr())
    }
}

async fn who(ConnectInfo(client): ConnectInfo<UdsConnectInfo>) -> String {
    format!("{} {:?} {}", client.credentials.uid(), client.credentials.pid(), client.is_unnamed)
}

#[derive(Clone, Copy, Debug)]
enum Server {
    Axum,
    Ours,
    Pooled,
}

/// Serves, and asks three times on one connection.
async fn answers(server: Server) -> Vec<Answer> {
    let name = format!("leasehold-unix-{}-{server:?}", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    let count = Arc::new(AtomicUsize::new(0));
    let listener = UnixListener::bind(&path).expect("a socket");
    let listener = Counts { listener, count: Arc::clone(&count) };
    let app = Router::new()
        .route("/who", get(who))
        .route("/echo", post(async |body: String| body))
        .into_make_service_with_connect_info::<UdsConnectInfo>();
    let pool = Pool::new(4 << 20).expect("a pool");
    let mut connections = None;
    let mut start = |pool: Option<&Pool>, listener, app| -> JoinHandle<()> {
        let mut server = serve(from_axum(listener), app).linger(Duration::ZERO);
        if let Some(pool) = pool {
            server = server.pool(pool, 1 << 20);
        }
        connections = Some(server.connections());
        let server = server.into_future();
        tokio::spawn(async { drop(server.await) })
    };
    let task = match server {
        Server::Axum => {
            let server = axum::serve(listener, app).into_future();
            tokio::spawn(async { drop(server.await) })
        }
        Server::Ours => start(None, listener, app),
        Server::Pooled => start(Some(&pool), listener, app),
    };
    let stream = UnixStream::connect(&path).await.expect("a connection");
    let own = stream.peer_cred().expect("the system tells");
    let mut visitor = Visitor::new(stream).await;
    let mut answers = Vec::new();
    for (method, path, body) in
        [("GET", "/who", ""), ("POST", "/echo", "echo"), ("GET", "/who", "")]
    {
        answers.push(visitor.ask(method, path, body).await);
        if let Some(connections) = &connections {
            until(|| connections.parked() == 1).await;
        }
    }
    let expected = format!("{} {:?} true", own.uid(), own.pid());
    let heard: Vec<_> = answers.iter().map(|answer| &*answer.body).collect();
    assert_eq!(heard, [&*expected, "echo", &*expected], "{server:?}");
    assert_eq!(count.load(Relaxed), 1);
    drop(visitor);
    task.abort();
    drop(task.await);
    until(|| pool.leased() == 0).await;
    std::fs::remove_file(path).expect("it is there");
    answers
}

#[tokio::test]
async fn a_listener_of_ones_own_serves_a_unix_socket() {
    let axums = answers(Server::Axum).await;
    for server in [Server::Ours, Server::Pooled] {
        assert_eq!(answers(server).await, axums, "{server:?} and axum::serve differ");
    }
}
