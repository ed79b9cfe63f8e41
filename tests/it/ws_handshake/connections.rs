//! What a server knows of a connection that was upgraded.

use leasehold::ws::{CloseCode, Message};
use tokio::{net::TcpStream, time::timeout};

use crate::ws_handshake::{
    client::{Client, LINES, PATIENCE, head, status, until},
    site::{SERVERS, Server, Site},
};

#[tokio::test]
async fn it_is_counted_until_it_is_upgraded() {
    for server in [Server::Ours, Server::OursWithAxum] {
        let site = Site::start(server).await;
        let connections = site.connections.clone().expect("a server of ours");
        let mut client = Client::connect(&site).await;
        until(|| connections.open() == 1).await;
        client.send(head(&LINES)).await;
        assert_eq!(status(&client.response().await), 101);
        until(|| connections.open() == 0).await;
        assert_eq!((connections.accepted(), connections.awake()), (1, 0));
        let mut socket = client.into_socket(&site);
        socket.send("still here").await.expect("the server reads");
        assert_eq!(
            socket.recv().await.expect("an echo").expect("an echo"),
            Message::from("still here")
        );
        assert_eq!(site.pool.leased(), 0);
        drop(socket);
        site.end().await;
    }
}

/// Ours tell the peer, once the socket's task waits to receive; whether that answers in time is not
/// waited for without a limit.
#[tokio::test]
async fn no_shutdown_waits_for_it() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        client.send(head(&LINES)).await;
        assert_eq!(status(&client.response().await), 101);
        let mut socket = client.into_socket(&site);
        socket.send("still here").await.expect("the server reads");
        assert_eq!(
            socket.recv().await.expect("an echo").expect("an echo"),
            Message::from("still here"),
            "{server:?}"
        );
        site.stop.send(()).expect("the server runs");
        timeout(PATIENCE, site.ended).await.expect("an end in time").expect("no panic");
        assert!(TcpStream::connect(site.address).await.is_err());
        if matches!(server, Server::Ours | Server::OursWithAxum) {
            let heard = socket.recv().await.expect("a close frame").expect("a close frame");
            assert!(
                matches!(&heard, Message::Close(Some(frame)) if frame.code == CloseCode::GOING_AWAY),
                "{server:?}: {heard:?}"
            );
        } else {
            socket.send("still here").await.expect("the server reads");
            assert_eq!(
                socket.recv().await.expect("an echo").expect("an echo"),
                Message::from("still here")
            );
        }
        socket.close(None).await.expect("a close");
        until(|| site.pool.leased() == 0).await;
        assert!(site.failures.lock().expect("no panic").is_empty());
    }
}
