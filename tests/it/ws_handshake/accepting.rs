//! What becomes of an upgrade that is granted.

use std::{convert::Infallible, pin::pin, task::Poll, time::Duration};

use hyper::{Method, Request, Response, StatusCode, Version, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Account, BlockMut, Pool,
    http::BytesBody,
    ws::{self, Message, Role, Upgrade, UpgradeError, WebSocket},
};
use tokio::sync::mpsc;

use crate::ws_handshake::{
    client::{Client, LINES, frame, head, status},
    transport::sockets::tcp_pair,
};

fn pool() -> Pool {
    Pool::builder().budget(8 << 20).max_wait(Duration::from_millis(100)).build().expect("a pool")
}

fn lease_all(pool: &Account) -> Vec<BlockMut> {
    std::iter::from_fn(|| pool.try_lease(1).ok()).collect()
}

/// Stock hyper on a socket, which sends what `answer` makes of its upgrade.
async fn serve<F>(answer: F) -> Client
where
    F: Fn(Result<(Response<BytesBody>, Upgrade), UpgradeError>) -> Response<BytesBody>
        + Send
        + 'static,
{
    let (near, far) = tcp_pair().await;
    tokio::spawn(async move {
        let service = service_fn(move |mut request| {
            let response = answer(ws::upgrade(&mut request));
            async { Ok::<_, Infallible>(response) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
        connection.with_upgrades().await.expect("a client that behaves");
    });
    Client(near)
}

/// Sends upgrades away as they come.
async fn serve_upgrades() -> (Client, mpsc::UnboundedReceiver<Upgrade>) {
    let (sender, upgrades) = mpsc::unbounded_channel();
    let client = serve(move |upgrading| {
        let (response, upgrade) = upgrading.expect("a handshake");
        sender.send(upgrade).expect("the test waits");
        response
    });
    (client.await, upgrades)
}

#[tokio::test]
async fn it_waits_for_the_response() {
    let pool = pool();
    let (mut client, mut upgrades) = serve_upgrades().await;
    client.send([head(&LINES).as_bytes(), &frame(1, b"early")].concat()).await;
    let upgrade = upgrades.recv().await.expect("an upgrade");
    assert_eq!(upgrade.protocol(), None);
    let mut server = upgrade.accept(&pool).await.expect("a socket");
    assert_eq!(server.role(), Role::Server);
    assert_eq!(status(&client.response().await), 101);
    assert_eq!(pool.leased(), 1 << 10);
    assert_eq!(server.recv().await.expect("a message").expect("a message"), Message::from("early"));
    assert_eq!(pool.leased(), 0);
    let mut client = WebSocket::new(client.0, Role::Client, &pool);
    client.send("late").await.expect("the server reads");
    assert_eq!(server.recv().await.expect("a message").expect("a message"), Message::from("late"));
    drop((client, server));
    assert_eq!(pool.leased(), 0);
}

/// hyper keeps the promise until it can no longer be kept: with the next one, or at the end of the
/// connection.
#[tokio::test]
async fn without_its_response_there_is_no_socket() {
    let pool = pool();
    let (sender, mut upgrades) = mpsc::unbounded_channel();
    let client = serve(move |upgrading| {
        let (mut response, upgrade) = upgrading.expect("a handshake");
        sender.send(upgrade).expect("the test waits");
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    });
    let mut client = client.await;
    for _ in 0..2 {
        client.send(head(&LINES)).await;
        assert_eq!(status(&client.response().await), 403);
    }
    let (first, second) =
        (upgrades.recv().await.expect("an upgrade"), upgrades.recv().await.expect("an upgrade"));
    let error = first.accept(&pool).await.expect_err("it was not answered");
    assert!(error.is_io(), "{error}");
    drop(client);
    let mut ended = second.accept(&pool).await.expect("what is left of the connection");
    assert!(ended.recv().await.expect("an error").expect_err("an end").is_io());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_socket_that_nobody_accepts_is_closed() {
    let (mut client, mut upgrades) = serve_upgrades().await;
    client.send(head(&LINES)).await;
    drop(upgrades.recv().await.expect("an upgrade"));
    assert_eq!(status(&client.response().await), 101);
    client.end().await;
}

fn request(lines: &[(&str, &str)]) -> Request<()> {
    let builder = Request::get("/").version(Version::HTTP_11);
    lines
        .iter()
        .fold(builder, |builder, (name, value)| builder.header(*name, *value))
        .body(())
        .expect("a request")
}

const HEADERS: [(&str, &str); 5] = [
    ("Host", "here"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

#[tokio::test]
async fn what_hyper_does_not_let_go_is_the_servers_fault() {
    let error = ws::upgrade(&mut request(&HEADERS)).expect_err("no hyper");
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // It can be had once.
    let answer = |upgrading: Result<(Response<BytesBody>, Upgrade), UpgradeError>| {
        upgrading.map_or_else(UpgradeError::into_response, |(response, _)| response)
    };
    let mut client = serve(answer).await;
    client.send(head(&LINES)).await;
    assert_eq!(status(&client.response().await), 101);
}

#[test]
fn a_plain_request_is_told_from_a_broken_one() {
    let plain = ws::upgrade(&mut request(&HEADERS[..1])).expect_err("a plain request");
    assert!(plain.is_plain() && plain.status() == StatusCode::UPGRADE_REQUIRED, "{plain}");
    let mut post = request(&HEADERS[..1]);
    *post.method_mut() = Method::POST;
    for mut broken in [post, request(&HEADERS[..3])] {
        assert!(!ws::upgrade(&mut broken).expect_err("it is broken").is_plain());
    }
    // HTTP/2 has no upgrade: a GET with the headers of one is a plain request too.
    let mut http2 = request(&HEADERS);
    *http2.version_mut() = Version::HTTP_2;
    let plain = ws::upgrade(&mut http2).expect_err("it is no CONNECT");
    assert!(plain.is_plain() && plain.status() == StatusCode::METHOD_NOT_ALLOWED, "{plain}");
}

// ---- memory -------------------------------------------------------------------------------------

/// An upgrade of a request with a message of so many bytes behind it.
async fn upgrade_with_early(len: usize) -> (Client, Upgrade) {
    let (mut client, mut upgrades) = serve_upgrades().await;
    let request = [head(&LINES).into_bytes(), frame(2, &vec![b'x'; len])].concat();
    client.send(request).await;
    assert_eq!(status(&client.response().await), 101);
    (client, upgrades.recv().await.expect("an upgrade"))
}

#[tokio::test]
async fn what_came_early_waits_for_memory() {
    let pool = pool();
    let account = pool.account("socket", 64 << 10);
    let (_client, upgrade) = upgrade_with_early(10_000).await;
    let held = lease_all(&account);
    let (accepted, ()) = tokio::join!(upgrade.accept(&account), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
    });
    let mut socket = accepted.expect("a socket");
    let message = socket.recv().await.expect("a message").expect("a message");
    assert!(message == Message::binary(bytes::Bytes::from(vec![b'x'; 10_000])));
    drop(message);
    assert_eq!(account.leased(), 0);

    let (mut client, upgrade) = upgrade_with_early(10_000).await;
    let held = lease_all(&account);
    let error = upgrade.accept(&account).await.expect_err("no memory");
    assert!(error.is_lease(), "{error}");
    client.end().await;
    drop(held);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn what_came_early_may_be_as_much_as_the_account_may_have_and_no_more() {
    let pool = pool();
    for (len, limit, is_accepted) in
        [(100_000, 200 << 10, true), (3000, 4 << 10, true), (5000, 4 << 10, false)]
    {
        let account = pool.account("socket", limit);
        let (client, upgrade) = upgrade_with_early(len).await;
        let accepted = upgrade.accept(&account).await;
        assert_eq!(accepted.is_ok(), is_accepted, "{len} of {limit} bytes: {accepted:?}");
        match accepted {
            Ok(mut socket) => {
                assert!(account.leased() > 0);
                let message = socket.recv().await.expect("a message").expect("a message");
                assert_eq!(message.into_data().map(|data| data.len()), Some(len));
            }
            Err(error) => assert!(error.is_lease(), "{error}"),
        }
        drop(client);
        assert_eq!(pool.leased(), 0);
    }
}

#[tokio::test]
async fn it_may_be_given_up_at_any_time() {
    let pool = pool();
    let account = pool.account("socket", 64 << 10);
    for polls in 0..4 {
        let (_client, upgrade) = upgrade_with_early(10_000).await;
        let held = lease_all(&account);
        let mut accepting = pin!(upgrade.accept(&account));
        for _ in 0..polls {
            let polled =
                std::future::poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx).is_pending()))
                    .await;
            assert!(polled, "there is no memory");
            tokio::task::yield_now().await;
        }
        drop(held);
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn upgrades_may_change_threads() {
    fn assert_send<T: Send>() {}
    fn assert_send_future<T: Send>(_: impl FnOnce(Upgrade, &'static Pool) -> T) {}
    assert_send::<Upgrade>();
    assert_send_future(|upgrade, pool| upgrade.accept(pool));
}
