//! Calls of gRPC: behind tonic's own server, and as a router on the server that parks.

use std::{
    convert::Infallible,
    future::{IntoFuture, pending},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use leasehold::{Account, BlockMut, http::serve::serve, layer::BudgetLayer};
use tokio::{net::TcpListener, time::timeout};
use tonic::{
    Code, Request, Response, Status,
    client::Grpc,
    server,
    service::Routes,
    transport::{Channel, Endpoint, Server as TonicServer, server::TcpIncoming},
};
use tower::{Service, service_fn};

use crate::{FLOOR, PATIENCE, lease_all, pattern, pool, raw::Raw, until, until_home};

/// What a call is reserved: its body announces no length.
const RESERVED: usize = 2 * FLOOR;

// ---- the service --------------------------------------------------------------------------------

/// Answers each call out of blocks of the call's own account.
#[derive(Clone)]
struct Echo;

impl server::NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

type Answer = http::Response<tonic::body::Body>;

impl Service<http::Request<tonic::body::Body>> for Echo {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let mut grpc = server::Grpc::new(Raw);
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/test.Echo/Once" => grpc.unary(service_fn(once), request).await,
                "/test.Echo/Never" => grpc.unary(service_fn(never), request).await,
                "/test.Echo/Fail" => grpc.unary(service_fn(fail), request).await,
                "/test.Echo/Thrice" => grpc.server_streaming(service_fn(thrice), request).await,
                _ => grpc.server_streaming(service_fn(on), request).await,
            })
        })
    }
}

/// The message in a block of the call's account.
fn copy(request: &Request<Bytes>) -> BlockMut {
    let account = request.extensions().get::<Account>().expect("an account of its own");
    let reserved = account.leased();
    let mut block = account.try_lease(request.get_ref().len()).expect("credited");
    assert_eq!((reserved, account.leased()), (RESERVED, RESERVED));
    block.put_slice(request.get_ref());
    block
}

async fn once(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(Response::new(copy(&request).freeze().into_bytes()))
}

async fn never(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let _block = copy(&request);
    pending().await
}

async fn fail(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let _block = copy(&request);
    Err(Status::data_loss("as the test asked"))
}

type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

async fn thrice(request: Request<Bytes>) -> Result<Response<Messages>, Status> {
    Ok(Response::new(Box::pin(messages(request).take(3))))
}

/// Two messages, and then none, nor an end.
async fn on(request: Request<Bytes>) -> Result<Response<Messages>, Status> {
    Ok(Response::new(Box::pin(messages(request).take(2).chain(stream::pending()))))
}

/// Messages out of blocks that are leased one by one.
fn messages(request: Request<Bytes>) -> impl Stream<Item = Result<Bytes, Status>> + Send {
    let account = request.extensions().get::<Account>().expect("an account of its own").clone();
    stream::repeat_with(move || {
        let mut block = account
            .try_lease(request.get_ref().len())
            .map_err(|error| Status::aborted(error.to_string()))?;
        block.put_slice(request.get_ref());
        Ok(block.freeze().into_bytes())
    })
}

// ---- servers and a client -----------------------------------------------------------------------

#[derive(Clone, Copy, Debug)]
enum Server {
    Tonic,
    Parking,
}

const SERVERS: [Server; 2] = [Server::Tonic, Server::Parking];

impl Server {
    async fn start(self, layer: BudgetLayer) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let routes = Routes::new(Echo);
        match self {
            Self::Tonic => {
                let server = TonicServer::builder().layer(layer).add_routes(routes);
                tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
            }
            Self::Parking => {
                tokio::spawn(serve(listener, routes.into_axum_router().layer(layer)).into_future());
            }
        }
        address
    }
}

struct Client(Grpc<Channel>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        Self(Grpc::new(endpoint.connect().await.expect("a connection")))
    }

    async fn call(
        &mut self,
        method: &'static str,
        message: impl Into<Request<Bytes>>,
    ) -> Result<Bytes, Status> {
        self.0.ready().await.expect("a connection");
        let call = self.0.unary(message.into(), PathAndQuery::from_static(method), Raw);
        timeout(PATIENCE, call).await.expect("an answer in time").map(Response::into_inner)
    }

    async fn stream(
        &mut self,
        method: &'static str,
        message: Bytes,
    ) -> Result<tonic::Streaming<Bytes>, Status> {
        self.0.ready().await.expect("a connection");
        let call =
            self.0.server_streaming(Request::new(message), PathAndQuery::from_static(method), Raw);
        timeout(PATIENCE, call).await.expect("an answer in time").map(Response::into_inner)
    }
}

/// A message of so many bytes.
fn message(len: usize) -> Bytes {
    pattern(len).into()
}

// ---- calls --------------------------------------------------------------------------------------

#[tokio::test]
async fn calls_are_answered_out_of_what_was_reserved_for_them() {
    for server in SERVERS {
        let pool = pool();
        let mut client = Client::connect(server.start(BudgetLayer::new(&pool)).await).await;
        for len in [0, 5, 60_000] {
            assert!(
                client.call("/test.Echo/Once", Request::new(message(len))).await.expect("an echo")
                    == message(len)
            );
            until_home(&pool).await;
            let mut stream =
                client.stream("/test.Echo/Thrice", message(len)).await.expect("a stream");
            for _ in 0..3 {
                assert!(stream.message().await.expect("an echo") == Some(message(len)));
            }
            assert_eq!(stream.message().await.expect("the end"), None);
            until_home(&pool).await;
        }
        let status =
            client.call("/test.Echo/Fail", Request::new(message(5))).await.expect_err("a status");
        assert_eq!((status.code(), status.message()), (Code::DataLoss, "as the test asked"));
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_refused_call_is_one_to_be_made_again() {
    for server in SERVERS {
        let pool = pool();
        let mut client = Client::connect(server.start(BudgetLayer::new(&pool)).await).await;
        let held = lease_all(&pool);
        let status =
            client.call("/test.Echo/Once", Request::new(message(5))).await.expect_err("a refusal");
        assert_eq!(status.code(), Code::Unavailable, "{server:?}: {status}");
        assert_eq!(status.message(), "all memory is in use; try again in a moment");
        let status = client.stream("/test.Echo/Thrice", message(5)).await.expect_err("a refusal");
        assert_eq!(status.code(), Code::Unavailable, "{server:?}: {status}");
        drop(held);
        assert_eq!(
            client.call("/test.Echo/Once", Request::new(message(5))).await.expect("an echo"),
            message(5)
        );
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_stream_that_the_client_drops_half_read_leaves_nothing_reserved() {
    for server in SERVERS {
        let pool = pool();
        let mut client = Client::connect(server.start(BudgetLayer::new(&pool)).await).await;
        let mut stream = client.stream("/test.Echo/On", message(1_000)).await.expect("a stream");
        assert_eq!(stream.message().await.expect("an echo"), Some(message(1_000)));
        assert!(pool.stats().reserved >= RESERVED - (2 << 10), "{server:?}");
        drop(stream);
        until_home(&pool).await;
        // Nor one that goes with its connection.
        let mut stream = client.stream("/test.Echo/On", message(1_000)).await.expect("a stream");
        assert_eq!(stream.message().await.expect("an echo"), Some(message(1_000)));
        drop((stream, client));
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_call_whose_deadline_passes_leaves_nothing_reserved() {
    for server in SERVERS {
        let pool = pool();
        let mut client = Client::connect(server.start(BudgetLayer::new(&pool)).await).await;
        let mut request = Request::new(message(5));
        request.set_timeout(Duration::from_millis(200));
        let (status, ()) = tokio::join!(
            client.call("/test.Echo/Never", request),
            until(|| pool.leased() == RESERVED)
        );
        let code = status.expect_err("its deadline passes").code();
        assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{server:?}: {code}");
        until_home(&pool).await;
    }
}
