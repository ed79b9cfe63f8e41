//! How sockets end: by a close, by a reset, by the end of their server.

use std::time::{Duration, Instant};

use leasehold::ws::{CloseCode, CloseFrame, Message};
use tokio::time::{sleep, timeout};

use super::{
    client::{Client, PATIENCE, echo, next},
    site::{SERVERS, Server, Set, Site},
};
use crate::support::handshake::client::until;

const OURS: [Server; 2] = [Server::Ours, Server::OursWithAxum];

#[tokio::test]
async fn a_client_closes_and_the_server_answers() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        for path in server.echoes() {
            let mut socket = client.open(path, &site.pool).await;
            echo(&mut socket, "hello").await;
            let since = Instant::now();
            let frame = CloseFrame::new(CloseCode::NORMAL, "enough");
            socket.close(Some(frame)).await.expect("the server closes too");
            assert!(since.elapsed() < Duration::from_secs(2), "{server:?} {path}");
        }
        // The stream has gone, the connection has not.
        assert_eq!(client.get("/hello").await, "hello");
        until(|| site.ends.lock().expect("no panic").len() == 1).await;
        let end = site.ends.lock().expect("no panic")[0].clone();
        assert!(end.contains("enough"), "{end}");
        drop(client);
        site.come_home().await;
    }
}

#[tokio::test]
async fn a_server_closes_and_the_client_answers() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let mut socket = client.open("/ours", &site.pool).await;
        socket.send("end").await.expect("the server reads");
        assert!(matches!(next(&mut socket).await, Some(Message::Close(_))));
        assert_eq!(next(&mut socket).await, None);
        until(|| *site.ends.lock().expect("no panic") == ["Ok(())"]).await;
        assert_eq!(client.get("/hello").await, "hello");
        drop((socket, client));
        site.come_home().await;
    }
}

/// RFC 8441 §5: a stream that is reset is a connection that is closed without a close frame.
#[tokio::test]
async fn a_client_that_goes_without_a_close_ends_its_socket_alone() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let mut gone = client.open("/ours", &site.pool).await;
        let mut other = client.open("/ours", &site.pool).await;
        echo(&mut gone, "hello").await;
        drop(gone);
        until(|| site.ends.lock().expect("no panic").len() == 1).await;
        echo(&mut other, "hello").await;
        drop((other, client));
        site.come_home().await;
    }
}

/// 1001 on each, GOAWAY on the connection, and then no more of it.
#[tokio::test]
async fn a_server_that_stops_tells_its_sockets() {
    for server in OURS {
        let mut site = Site::start(server).await;
        let client = site.connect().await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let mut socket = client.open("/ours", &site.pool).await;
            echo(&mut socket, "hello").await;
            sockets.push(socket);
        }
        site.stop();
        for socket in &mut sockets {
            let Some(Message::Close(Some(frame))) = next(socket).await else { panic!("a close") };
            assert_eq!(frame.code, CloseCode::GOING_AWAY);
            assert_eq!(next(socket).await, None);
        }
        drop(sockets);
        let Client { connection, .. } = client;
        timeout(PATIENCE / 2, connection).await.expect("an end in time").expect("no panic");
        assert_eq!(site.ended().await, 0);
    }
}

/// axum's socket knows nothing of the stop; it is cut, and its connection.
#[tokio::test]
async fn what_does_not_end_is_cut() {
    let set = Set { shutdown_timeout: Duration::from_secs(3), ..Set::default() };
    let mut site = Site::start_with(Server::OursWithAxum, set).await;
    let client = site.connect().await;
    let mut socket = client.open("/axums", &site.pool).await;
    echo(&mut socket, "hello").await;
    site.stop();
    // It goes on until then, past the last call for requests.
    sleep(Duration::from_secs(2)).await;
    echo(&mut socket, "are you there?").await;
    assert_eq!(site.ended().await, 1);
    assert!(!matches!(timeout(PATIENCE, socket.recv()).await, Ok(Some(Ok(_))) | Err(_)));
}

/// A client that does not answer our close frame is cut too, and each socket counts.
#[tokio::test]
async fn sockets_that_do_not_answer_are_cut_with_their_connection() {
    let set = Set { shutdown_timeout: Duration::from_secs(1), ..Set::default() };
    let mut site = Site::start_with(Server::Ours, set).await;
    let client = site.connect().await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let mut socket = client.open("/ours", &site.pool).await;
        echo(&mut socket, "hello").await;
        sockets.push(socket);
    }
    site.stop();
    assert_eq!(site.ended().await, 3);
}
