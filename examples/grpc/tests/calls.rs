//! The example's calls, and its refusals.

#[path = "../chain_codec.rs"]
mod chain_codec;
#[path = "../client.rs"]
mod client;
#[path = "../shelf.rs"]
mod shelf;
#[expect(dead_code, reason = "the bench uses the rest")]
#[path = "../../../benches/grpc/wire.rs"]
mod wire;

use std::{
    future::IntoFuture,
    iter,
    net::SocketAddr,
    panic::Location,
    time::{Duration, Instant},
};

use axum::{Router, http::Response, routing::post};
use bytes::Bytes;
use futures_util::TryStreamExt;
use leasehold::{Chain, Pool, Reservation, http::serve, layer::BudgetLayer};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use tonic::{Code, Status};

use crate::{
    client::Client,
    shelf::{MESSAGE_MAX, app},
    wire::Wire,
};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection waits for room.
const MAX_WAIT: Duration = Duration::from_secs(1);

struct Server {
    pool: Pool,
    address: SocketAddr,
    task: JoinHandle<()>,
    client_pool: Pool,
}

impl Server {
    async fn start(app: impl FnOnce(&Pool) -> Router) -> Self {
        let pool = Pool::builder().budget(64 << 20).max_wait(MAX_WAIT).build();
        let pool = pool.expect("the default classes fit");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = serve(listener, app(&pool)).pool(&pool, 32 << 20).into_future();
        let task = tokio::spawn(async { drop(server.await) });
        Self { pool, address, task, client_pool: Pool::new(64 << 20).expect("the same") }
    }

    async fn client(&self) -> Client {
        Client::connect(self.address, &self.client_pool).await.expect("a connection")
    }

    /// The shelf goes with the server and its connections. Then nothing may be left.
    async fn end(self) {
        self.task.abort();
        until(|| (self.pool.leased(), self.pool.stats().reserved) == (0, 0)).await;
        assert_eq!(self.client_pool.leased(), 0);
    }
}

/// Waits until something is so.
#[track_caller]
fn until(is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = Location::caller();
    async move {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "{place}: it does not come to be");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Bytes that tell where they belong.
fn blob(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

async fn download(client: &mut Client) -> Result<Vec<u8>, Status> {
    let pieces: Vec<Chain> = client.get().await?.try_collect().await?;
    Ok(pieces.iter().flat_map(Chain::to_vec).collect())
}

/// Leaves between 4 and 8 MiB: enough for connections and small calls.
fn hold_the_most(pool: &Pool) -> Vec<Reservation> {
    let mut held: Vec<_> = iter::from_fn(|| pool.try_reserve(4 << 20).ok()).collect();
    assert!(held.pop().is_some(), "there was some memory");
    held
}

#[tokio::test]
async fn a_blob_goes_up_as_one_message_and_comes_back_as_a_stream() {
    let server = Server::start(|pool| app(pool)).await;
    let mut client = server.client().await;
    for len in [0, 1, 65_535, 65_536, 65_537, MESSAGE_MAX - 1, MESSAGE_MAX] {
        let blob = blob(len);
        let answer = client.put(blob.clone().into()).await.expect("an answer");
        assert_eq!(answer, format!("{len} bytes are kept"));
        assert!(download(&mut client).await.expect("a stream") == blob, "{len} bytes");
    }
    // What is kept belongs to the shelf, and nothing to the calls.
    let leased_by = |name: &str| {
        let stats = server.pool.stats();
        stats.accounts.iter().filter(|of| of.name == name).map(|of| of.leased).sum::<usize>()
    };
    assert_eq!(leased_by("shelf"), MESSAGE_MAX);
    until(|| leased_by("request") == 0).await;
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_out_of_range_and_the_next_call_is_answered() {
    let server = Server::start(|pool| app(pool)).await;
    let mut client = server.client().await;
    client.put(blob(1_000).into()).await.expect("an answer");
    let status = client.put(blob(MESSAGE_MAX + 1).into()).await.expect_err("it is too long");
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    assert!(download(&mut client).await.expect("a stream") == blob(1_000));
    // tonic makes room for a message when its length has come. For this one it does not.
    let address = server.address;
    for (method, len) in [("/Shelf/Put", MESSAGE_MAX + 1), ("/Shelf/Get", 1)] {
        let announced = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            wire.call(method);
            wire.announce(len);
            wire.finish();
        });
        announced.await.expect("a refusal, without the message");
    }
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn without_memory_a_large_call_is_unavailable_and_small_ones_go_on() {
    let server = Server::start(|pool| app(pool)).await;
    let mut client = server.client().await;
    client.put(blob(1 << 20).into()).await.expect("an answer");
    let others = hold_the_most(&server.pool);
    let status = client.put(blob(10).into()).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.message(), "all memory is in use; try again in a moment");
    assert_eq!(status.metadata().get("retry-after").expect("a header"), "1");
    assert!(download(&mut client).await.expect("a stream") == blob(1 << 20));
    drop(others);
    client.put(blob(10).into()).await.expect("an answer");
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn a_shelf_that_is_full_is_resource_exhausted_until_a_download_is_over() {
    let server = Server::start(|pool| app(pool)).await;
    let mut client = server.client().await;
    let mut downloads = Vec::new();
    for _ in 0..2 {
        client.put(blob(MESSAGE_MAX).into()).await.expect("an answer");
        downloads.push(client.get().await.expect("a stream"));
    }
    let status = client.put(blob(MESSAGE_MAX).into()).await.expect_err("the shelf is full");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    // What was kept is still there, and makes room when it is replaced.
    let pieces: Vec<Chain> = downloads.remove(0).try_collect().await.expect("all of it");
    assert_eq!(pieces.iter().map(Chain::len).sum::<usize>(), MESSAGE_MAX);
    drop(pieces);
    client.put(blob(MESSAGE_MAX).into()).await.expect("an answer");
    drop((client, downloads));
    server.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_mid_message_leaves_nothing() {
    let server = Server::start(|pool| app(pool)).await;
    let address = server.address;
    // A request of ten bytes may announce a long message, and tonic makes room for it.
    for (sent, len) in [(0, None), (1, Some("10")), (1 << 20, None), (MESSAGE_MAX - 1, None)] {
        let halfway = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            wire.call_of_len("/Shelf/Put", len);
            wire.announce(MESSAGE_MAX);
            wire.send_zeros(sent);
            wire
        });
        let wire = halfway.await.expect("it is sent");
        until(|| server.pool.stats().reserved >= 2 * MESSAGE_MAX).await;
        drop(wire);
        until(|| server.pool.leased() == 0).await;
    }
    let mut client = server.client().await;
    assert!(download(&mut client).await.expect("a stream").is_empty(), "half of one was kept");
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn a_refusal_is_the_status_that_the_layer_gives_it() {
    fn plain_503(body: &'static str) -> Response<Bytes> {
        Response::builder().status(503).body(Bytes::from(body)).expect("a response")
    }
    type Refuse = fn() -> Response<Bytes>;
    let refusals: [(Refuse, Code, &str); 3] = [
        (
            || Status::resource_exhausted("come back later").into_http(),
            Code::ResourceExhausted,
            "come back later",
        ),
        (
            || plain_503(""),
            Code::Unavailable,
            "grpc-status header missing, mapped from HTTP status code 503",
        ),
        // So a refusal has no body: tonic's client would read it as messages.
        (
            || plain_503("come back later"),
            Code::Internal,
            "protocol error: received message with invalid compression flag: 99 (valid flags are 0 \
             and 1) while receiving response with status: 503 Service Unavailable",
        ),
    ];
    for (refuse, code, message) in refusals {
        let server = Server::start(|pool| {
            let budget = BudgetLayer::new(pool).refuse_with(move |_| refuse());
            let never = post(async || -> () { unreachable!("it is refused") });
            Router::new().route("/Shelf/Put", never).layer(budget.base_len(8 << 20))
        })
        .await;
        let mut client = server.client().await;
        let others = hold_the_most(&server.pool);
        let status = client.put(blob(10).into()).await.expect_err("a refusal");
        assert_eq!(status.code(), code, "{status}");
        assert_eq!(status.message(), message);
        drop((others, client));
        server.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_finds_no_room_is_resource_exhausted() {
    let server = Server::start(|pool| app(pool)).await;
    let others: Vec<_> = iter::from_fn(|| server.pool.try_reserve(32 << 10).ok()).collect();
    let mut client = server.client().await;
    let status = client.put(blob(10).into()).await.expect_err("a refusal");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    drop((others, client));
    let mut client = server.client().await;
    client.put(blob(10).into()).await.expect("an answer");
    drop(client);
    server.end().await;
}
