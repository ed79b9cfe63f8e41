//! Transports other than TCP.

use std::time::Duration;

use hyper::Request;
use leasehold::{
    Pool,
    http::serve::{Listener, serve},
    io::AnyStream,
    ws::{self, Message},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::ws_handshake::{client::until, site::Echo};

/// Accepts what it is sent.
struct Sent<T>(mpsc::UnboundedReceiver<T>);

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Listener for Sent<T> {
    type Io = T;
    type Addr = ();

    async fn accept(&mut self) -> (T, ()) {
        match self.0.recv().await {
            Some(io) => (io, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An echo on `io`; whether its socket is bare is as it should be.
async fn is_served<L: Listener>(listener: L, connect: impl AsyncFn() -> AnyStream, is_bare: bool) {
    let pool = Pool::new(8 << 20).expect("a pool");
    let server =
        serve(listener, Echo::new(&pool).router()).pool(&pool, 1 << 20).linger(Duration::ZERO);
    let connections = server.connections();
    let server = tokio::spawn(server.into_future());
    let request = || Request::get("ws://here/echo").body(()).expect("a request");
    let (mut socket, _) =
        ws::connect_on(connect().await, request(), &pool).await.expect("a socket");
    for (said, heard) in [("bare?", is_bare.to_string()), ("hello", "hello".to_owned())] {
        socket.send(said).await.expect("the server reads");
        assert_eq!(socket.recv().await.expect("an echo").expect("an echo"), Message::from(heard));
    }
    until(|| connections.open() == 0 && pool.leased() == 0).await;
    socket.close(None).await.expect("a close");
    server.abort();
    until(|| pool.leased() == 0).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_bare_again() {
    use tokio::net::{UnixListener, UnixStream};

    let path = std::env::temp_dir().join(format!("leasehold-ws-{}", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket");
    let connect = async || AnyStream::from(UnixStream::connect(&path).await.expect("a connection"));
    is_served(listener, connect, true).await;
    std::fs::remove_file(&path).expect("it is ours");
}

#[tokio::test]
async fn a_socket_that_is_one_of_several_kinds_is_bare_again() {
    let (sender, streams) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let connect = async || {
        let near = TcpStream::connect(listener.local_addr().expect("an address"))
            .await
            .expect("a connection");
        let (far, _) = listener.accept().await.expect("a connection");
        assert!(sender.send(AnyStream::from(far)).is_ok());
        AnyStream::from(near)
    };
    is_served(Sent(streams), connect, true).await;
}

#[tokio::test]
async fn what_is_no_socket_is_served_through_hyper() {
    let (sender, streams) = mpsc::unbounded_channel::<DuplexStream>();
    let connect = async || {
        let (near, far) = duplex(1 << 10);
        assert!(sender.send(far).is_ok());
        AnyStream::new(near)
    };
    is_served(Sent(streams), connect, false).await;
}
