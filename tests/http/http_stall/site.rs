//! What is served.

use std::{
    convert::Infallible, future::poll_fn, net::SocketAddr, pin::Pin, task::Poll, time::Duration,
};

use bytes::{BufMut, Bytes};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Body, Frame},
    service::service_fn,
};
use leasehold::{
    Account, Chain, Pool,
    http::{
        ChainBody, ReaderBody, collect,
        serve::{BoxError, Connections, RequestBody, Serve, Shutdown, from_hyper, serve},
    },
};
use tokio::{
    io::{AsyncReadExt, repeat},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::http_stall::client::{Client, until};

/// How long clients may stall.
pub(crate) const LIMIT: Duration = Duration::from_millis(500);
/// No deadline but that of stalls is in the way, nor hidden by a longer one.
const SHORT: Duration = Duration::from_millis(250);

/// Of the kernel's buffers on either side: so small that a client that reads a little makes room.
const KERNEL_LEN: u32 = 64 << 10;

/// A server and its pool.
pub(crate) struct Site {
    pub(crate) pool: Pool,
    pub(crate) address: SocketAddr,
    pub(crate) connections: Connections,
    /// What tasks that read a body by themselves have come to.
    pub(crate) heard: mpsc::UnboundedReceiver<String>,
    server: JoinHandle<std::io::Result<Shutdown>>,
}

impl Site {
    /// With `stall_timeout`, and shorter ones for what is no stall.
    pub(crate) async fn start(stall_timeout: Duration) -> Self {
        let pool = Pool::new(80 << 20).expect("a pool");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(KERNEL_LEN).expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(100).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (teller, heard) = mpsc::unbounded_channel();
        let service = service_fn(move |request| answer(request, teller.clone()));
        let server = serve(listener, from_hyper(service)).pool(&pool, 70 << 20);
        let server = server.linger(Duration::ZERO).idle_timeout(SHORT).header_timeout(SHORT);
        let server = server.stall_timeout(stall_timeout);
        let connections = server.connections();
        Self { pool, address, connections, heard, server: spawn(server) }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(KERNEL_LEN).expect("a socket");
        Client(socket.connect(self.address).await.expect("a connection"))
    }

    /// Waits until the connection is cut, which is to take the limit from `since`, and all is home.
    pub(crate) async fn until_cut(&self, since: Instant) {
        until(|| self.connections.accepted() == 1 && self.connections.open() == 0).await;
        assert_took_the_limit(since.elapsed());
        assert_eq!(self.pool.leased(), 0);
    }
}

/// Deadlines are at most half a second late; the rest is for a busy machine, and for what had begun
/// a little before.
pub(crate) fn assert_took_the_limit(took: Duration) {
    assert!(took >= LIMIT - Duration::from_millis(200) && took < LIMIT * 3, "cut after {took:?}");
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn spawn<S>(server: Serve<TcpListener, S>) -> JoinHandle<std::io::Result<Shutdown>>
where
    Serve<TcpListener, S>:
        IntoFuture<Output = std::io::Result<Shutdown>, IntoFuture: Send + 'static>,
{
    tokio::spawn(server.into_future())
}

type Answer = Response<UnsyncBoxBody<Chain, BoxError>>;

async fn answer(
    request: Request<RequestBody>,
    teller: mpsc::UnboundedSender<String>,
) -> Result<Answer, Infallible> {
    let account = request.extensions().get::<Account>().expect("an account").clone();
    let (head, mut body) = request.into_parts();
    let path = head.uri.path();
    let text = match path.split_once('-').unwrap_or((path, "")) {
        // One frame of so many MiB, which hyper has at once.
        ("/chain", mib) => {
            let mut chain = Chain::new();
            for _ in 0..mib.parse().expect("a number") {
                let mut block = account.try_chain(1 << 20).expect("room");
                block.put_bytes(7, 1 << 20);
                chain.append(block.freeze());
            }
            return Ok(response(ChainBody::new(chain)));
        }
        // The same in frames of a block each, a few at a time.
        ("/blocks", mib) => {
            let len = mib.parse::<u64>().expect("a number") << 20;
            return Ok(response(ReaderBody::sized(repeat(7).take(len), len, &account)));
        }
        // Nothing for three times the limit, between two frames.
        ("/poll", _) => {
            let frames = stream::iter(["first", "last"]).then(async |text| {
                if text == "last" {
                    sleep(LIMIT * 3).await;
                }
                Ok::<_, BoxError>(Frame::data(Chain::from(Bytes::from(text))))
            });
            return Ok(response(StreamBody::new(frames)));
        }
        ("/collect", _) => hear(body, &account).await,
        ("/spawned", "") => {
            tokio::spawn(async move { hear(body, &account).await }).await.expect("no panic")
        }
        ("/spawned", "early") => {
            tokio::spawn(async move { teller.send(hear(body, &account).await) });
            "early".to_owned()
        }
        ("/sleep", _) => {
            sleep(LIMIT * 3).await;
            hear(body, &account).await
        }
        // Asks for the body once, and does not come for it in time.
        ("/ask", _) => {
            assert!(poll_once(&mut body).await, "the body is to come later");
            sleep(LIMIT * 3).await;
            hear(body, &account).await
        }
        // Takes what is there, and its time before it asks for more.
        ("/sip", _) => {
            body.frame().await.expect("a part").expect("no failure");
            sleep(LIMIT * 3).await;
            hear(body, &account).await
        }
        ("/incoming", _) => {
            assert!(poll_once(&mut body).await, "the body is to come later");
            let bytes = body.into_incoming().collect().await.map(|body| body.to_bytes().len());
            bytes.map_or_else(|error| error.to_string(), |len| format!("heard {len}"))
        }
        _ => "hello".to_owned(),
    };
    Ok(response(ChainBody::new(Bytes::from(text))))
}

fn response<B>(body: B) -> Answer
where
    B: Body<Data = Chain, Error: Into<BoxError>> + Send + 'static,
{
    Response::new(body.map_err(Into::into).boxed_unsync())
}

async fn hear(body: RequestBody, account: &Account) -> String {
    match collect(body, account, 1 << 20).await {
        Ok(chain) => format!("heard {}", chain.len()),
        Err(error) => format!("failed: {error}"),
    }
}

/// Whether nothing was there.
async fn poll_once(body: &mut RequestBody) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx).is_pending())).await
}
