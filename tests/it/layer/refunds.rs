//! Every way in which a request ends on a connection gives back what was reserved for it.

use std::{future::IntoFuture, io, time::Duration};

use axum::{
    BoxError, Router, body::Body, error_handling::HandleErrorLayer, extract::DefaultBodyLimit,
    response::Response,
};
use http::{Request, StatusCode};
use leasehold::{
    Account, Pool,
    http::serve::{RequestBody, serve},
    layer::BudgetLayer,
};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn, service_fn};

use crate::layer::{
    FLOOR,
    bodies::pattern,
    client::{Client, head},
    pool,
    site::{PIECE, SERVERS, Server, in_blocks, routes, until, until_home},
};

const LEN: usize = 256 << 10;

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Close,
    Reset,
}

const EXITS: [Exit; 2] = [Exit::Close, Exit::Reset];

impl Exit {
    fn leave(self, client: Client) {
        match self {
            Self::Close => drop(client),
            Self::Reset => client.reset(),
        }
    }
}

/// A server of all routes, and a client of it.
async fn connect(server: Server) -> (Pool, Client) {
    let pool = Pool::new(64 << 20).expect("a pool");
    let app: Router =
        routes(&pool).layer(BudgetLayer::new(&pool)).layer(DefaultBodyLimit::disable());
    let client = Client::connect(server.start(app).await).await;
    (pool, client)
}

#[tokio::test]
async fn a_request_that_is_answered_leaves_nothing_reserved() {
    for server in SERVERS {
        let (pool, mut client) = connect(server).await;
        for len in [0, 5, LEN] {
            let body = pattern(len);
            client.send(head("/echo", len)).await;
            if len > 0 {
                until(|| pool.leased() == FLOOR + len).await;
            }
            assert!(client.exchange(&body).await.expect("an echo").body == body);
            until_home(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_handler_that_panics_leaves_nothing_reserved() {
    for server in SERVERS {
        let (pool, mut client) = connect(server).await;
        client.send(head("/panic", LEN)).await;
        until(|| pool.leased() == FLOOR + LEN).await;
        assert!(client.exchange(pattern(LEN)).await.is_err(), "{server:?}: the connection ends");
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_service_that_panics_when_it_is_called_leaves_nothing_reserved() {
    for server in SERVERS {
        let pool = pool();
        // In `call` itself, before there is a future.
        let panicking = layer_fn(Panicking);
        let app = routes(&pool).layer(panicking).layer(BudgetLayer::new(&pool));
        let mut client = Client::connect(server.start(app).await).await;
        assert!(
            client.exchange(head("/echo", 0)).await.is_err(),
            "{server:?}: the connection ends"
        );
        until_home(&pool).await;
    }
}

#[derive(Clone)]
struct Panicking<S>(S);

impl<S: Service<Request<Body>>> Service<Request<Body>> for Panicking<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let _account = request.extensions().get::<Account>().expect("an account of its own");
        panic!("as the test asked")
    }
}

#[tokio::test]
async fn a_service_that_fails_leaves_nothing_reserved() {
    let pool = pool();
    let service = service_fn(async |request: Request<RequestBody>| {
        let account = request.extensions().get::<Account>().expect("an account of its own").clone();
        let body =
            leasehold::http::collect(request.into_body(), &account, LEN).await.expect("a body");
        Err::<Response, _>(io::Error::other(format!(
            "as the test asked, after {} bytes",
            body.len()
        )))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut client = Client::connect(listener.local_addr().expect("an address")).await;
    tokio::spawn(serve(listener, BudgetLayer::new(&pool).layer(service)).into_future());
    client.send(head("/", LEN)).await;
    until(|| pool.leased() == FLOOR + LEN).await;
    assert!(client.exchange(pattern(LEN)).await.is_err(), "the connection ends");
    until_home(&pool).await;
}

#[tokio::test]
async fn a_timeout_above_that_fires_while_the_handler_waits_leaves_nothing_reserved() {
    for server in SERVERS {
        let pool = pool();
        let late = HandleErrorLayer::new(async |error: BoxError| {
            assert!(error.is::<tower::timeout::error::Elapsed>());
            StatusCode::GATEWAY_TIMEOUT
        });
        let stack = ServiceBuilder::new()
            .layer(late)
            .timeout(Duration::from_millis(300))
            .layer(BudgetLayer::new(&pool));
        let address = server.start(routes(&pool).layer(stack)).await;
        // It waits for the body, or works.
        for sent in [0, LEN / 2, LEN] {
            let mut client = Client::connect(address).await;
            client.send(head("/wait", LEN)).await;
            client.send(&pattern(LEN)[..sent]).await;
            until(|| pool.leased() == FLOOR + LEN && in_blocks(&pool) >= sent).await;
            assert_eq!(client.answer().await.expect("an answer").status, 504, "{server:?}");
            until_home(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_is_gone_before_its_body_in_the_middle_and_after_it_leaves_nothing_reserved()
{
    for server in SERVERS {
        for exit in EXITS {
            for sent in [0, LEN / 2, LEN] {
                let (pool, mut client) = connect(server).await;
                client.send(head("/wait", LEN)).await;
                client.send(&pattern(LEN)[..sent]).await;
                until(|| pool.leased() == FLOOR + LEN && in_blocks(&pool) >= sent).await;
                exit.leave(client);
                until_home(&pool).await;
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_ends_its_body_too_early_and_listens_leaves_nothing_reserved() {
    for server in SERVERS {
        let (pool, mut client) = connect(server).await;
        client.send(head("/wait", LEN)).await;
        client.send(&pattern(LEN)[..LEN / 2]).await;
        until(|| in_blocks(&pool) >= LEN / 2).await;
        client.finish().await;
        assert_eq!(client.answer().await.expect("an answer").status, 400, "{server:?}");
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn a_client_that_is_gone_while_the_response_is_sent_leaves_nothing_reserved() {
    for server in SERVERS {
        for exit in EXITS {
            let (pool, mut client) = connect(server).await;
            client.send(head("/endless", 0)).await;
            client.read(10 * PIECE.len()).await;
            assert_eq!(pool.leased(), FLOOR);
            exit.leave(client);
            until_home(&pool).await;

            // An echo, of which the kernel takes a part.
            let len = 15 << 20;
            let (pool, mut client) = connect(server).await;
            client.send(head("/echo", len)).await;
            client.send(pattern(len)).await;
            client.read(PIECE.len()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!((FLOOR..FLOOR + len).contains(&pool.leased()), "{server:?}: {}", pool.leased());
            exit.leave(client);
            until_home(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_response_that_fails_in_the_middle_leaves_nothing_reserved() {
    for server in SERVERS {
        let (pool, mut client) = connect(server).await;
        client.send(head("/broken", 0)).await;
        assert!(
            !client.read_to_end().await.ends_with(b"0\r\n\r\n"),
            "{server:?}: a whole response"
        );
        until_home(&pool).await;
    }
}

#[tokio::test]
async fn requests_one_after_the_other_on_a_connection_leave_nothing_reserved() {
    for server in SERVERS {
        let (pool, mut client) = connect(server).await;
        for _ in 0..3 {
            client
                .send(
                    [head("/echo", 5), "hello".to_owned(), head("/echo", 3), "you".to_owned()]
                        .concat(),
                )
                .await;
            for said in ["hello", "you"] {
                assert_eq!(client.answer().await.expect("an echo").body, said.as_bytes());
            }
            until_home(&pool).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_reserves_for_its_connections_in_the_same_pool_leaves_nothing_reserved() {
    let pool = pool();
    let app = routes(&pool).layer(BudgetLayer::new(&pool));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, app).pool(&pool, 1 << 20).linger(Duration::ZERO).into_future());
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = Client::connect(address).await;
        client.send(head("/echo", LEN)).await;
        clients.push(client);
    }
    // 18 KiB for each connection that is awake.
    until(|| pool.leased() == 5 * (FLOOR + LEN + (18 << 10))).await;
    for mut client in clients.drain(..3) {
        assert_eq!(client.exchange(pattern(LEN)).await.expect("an echo").body.len(), LEN);
    }
    drop(clients);
    until_home(&pool).await;
}
