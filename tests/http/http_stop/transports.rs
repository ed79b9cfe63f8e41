//! A stop on transports that are no sockets, and on several threads.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    Pool,
    http::serve::{Listener, RequestBody, from_hyper, serve},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    client::{Client, PATIENCE, count},
    site::start_plain,
};

const GET: &str = "GET /100 HTTP/1.1\r\nHost: here\r\n\r\n";

/// A transport that nobody knows for a socket, as one of TLS.
struct Opaque(TcpStream);

struct OpaqueListener(TcpListener);

impl Listener for OpaqueListener {
    type Io = Opaque;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Opaque, SocketAddr) {
        let (stream, client) = self.0.accept().await.expect("a connection");
        (Opaque(stream), client)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for Opaque {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Opaque {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// So many bytes are sent before the signal, and the rest so many milliseconds after it.
async fn tell(sent: usize, pause: u64, is_fresh: bool, is_known: bool) {
    let pool = Pool::new(1 << 20).expect("a pool");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let service = service_fn(async |_: Request<RequestBody>| {
        sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"heard"))))
    });
    let server = serve(OpaqueListener(listener), from_hyper(service)).pool(&pool, 100_000);
    let server =
        tokio::spawn(server.with_graceful_shutdown(async { drop(stopped.await) }).into_future());
    let mut client = Client::connect(address);
    sleep(Duration::from_millis(20)).await;
    if !is_fresh {
        client.send(GET);
        assert_eq!(count(&[client.answer().await], "heard"), 1);
    }
    let all = GET.repeat(sent.div_ceil(GET.len()));
    client.send(&all[..sent]);
    if is_known {
        sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).expect("the server waits");
    sleep(Duration::from_millis(pause)).await;
    client.send(&all[sent..]);
    for number in 0..all.len() / GET.len() {
        let answer = client.answer().await;
        let story = format!("{sent} bytes, {pause} ms, {is_fresh}, {is_known}: {number}: {answer}");
        assert_eq!(count(&[answer], "heard"), 1, "{story}");
    }
    client.end().await;
    let shutdown = timeout(PATIENCE, server).await.expect("an end in time").expect("no panic");
    assert_eq!((shutdown.expect("no error").cut(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn what_has_come_on_other_transports_is_answered() {
    let cuts = [
        (1, 0, 0),
        (1, GET.len() - 3, 50),
        (1, GET.len() - 3, 300),
        (3, 0, 0),
        (3, GET.len() - 3, 50),
        (3, GET.len() - 3, 600),
    ];
    let mut stories = Vec::new();
    for (requests, rest, pause) in cuts {
        for (is_fresh, is_known) in [(true, true), (true, false), (false, true), (false, false)] {
            stories.push(tell(requests * GET.len() - rest, pause, is_fresh, is_known));
        }
    }
    futures_util::future::join_all(stories).await;
}

#[cfg(unix)]
#[tokio::test]
async fn connections_of_a_unix_listener_that_were_not_accepted_yet_are_answered() {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
    };

    let path = std::env::temp_dir().join(format!("leasehold-stop-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    let listener = tokio::net::UnixListener::bind(&path).expect("a listener");
    let pool = Pool::new(1 << 20).expect("a pool");
    let (stop, stopped) = oneshot::channel::<()>();
    let service = service_fn(async |_: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"heard"))))
    });
    let server = serve(listener, from_hyper(service)).pool(&pool, 100_000);
    let server =
        tokio::spawn(server.with_graceful_shutdown(async { drop(stopped.await) }).into_future());
    sleep(Duration::from_millis(20)).await;
    let clients: Vec<_> =
        (0..20).map(|_| UnixStream::connect(&path).expect("the server listens")).collect();
    for mut client in &clients {
        client.write_all(GET.as_bytes()).expect("the server reads");
    }
    stop.send(()).expect("the server waits");
    let heard = tokio::task::spawn_blocking(move || {
        let heard = clients.iter().map(|mut client| {
            let mut heard = String::new();
            client.read_to_string(&mut heard).map(|_| heard)
        });
        heard.filter(|heard| heard.as_ref().is_ok_and(|heard| heard.ends_with("heard"))).count()
    });
    assert_eq!(heard.await.expect("no panic"), 20);
    assert_eq!(
        timeout(PATIENCE, server)
            .await
            .expect("an end")
            .expect("no panic")
            .expect("no error")
            .cut(),
        0
    );
    assert_eq!(pool.leased(), 0);
    std::fs::remove_file(&path).expect("it is there");
}

/// The signal comes while other threads read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_everything_is_answered() {
    for round in 0..30_u64 {
        let mut site = start_plain().await;
        let mut clients: Vec<_> = (0..12).map(|_| site.connect()).collect();
        for client in &mut clients[..6] {
            client.send("GET /0 HTTP/1.1\r\nHost: here\r\n\r\n");
            assert!(client.answer().await.ends_with("heard "));
        }
        for client in &mut clients {
            client.send("GET /20 HTTP/1.1\r\nHost: here\r\n\r\n");
        }
        std::thread::sleep(Duration::from_micros(round * 20));
        site.stop();
        let mut answers = Vec::new();
        for client in &mut clients {
            answers.push(client.answer().await);
        }
        assert_eq!(count(&answers, "heard "), 12, "round {round}: {answers:?}");
        drop(clients);
        assert_eq!(site.end().await, 0);
    }
}
