//! Messages there and back.

use std::time::Duration;

use futures_util::future::join_all;
use hyper::header::{SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use leasehold::ws::Message;
use tokio::time::timeout;

use super::{
    client::{connect, echo, next, socket},
    site::{SERVERS, Server, Site, flood},
};

fn pattern(len: usize) -> Message {
    Message::binary((0..len).map(|at| (at * 31 / 7) as u8).collect::<Vec<_>>())
}

#[tokio::test]
async fn messages_of_all_lengths_come_back() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        for path in server.echoes() {
            let mut socket = client.open(path, &site.pool).await;
            echo(&mut socket, "hello").await;
            for len in [0, 1, 125, 126, 16_383, 16_384, 65_536, 1 << 20] {
                echo(&mut socket, pattern(len)).await;
            }
        }
        drop(client);
        site.come_home().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_requests_share_a_connection() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let sockets = (0..8).map(|number| {
            let path = server.echoes()[number % server.echoes().len()];
            let (client, site) = (&client, &site);
            async move {
                let mut socket = client.open(path, &site.pool).await;
                for turn in 0..20 {
                    echo(&mut socket, format!("{number} {turn}")).await;
                    echo(&mut socket, pattern(10_000 * number)).await;
                    assert_eq!(client.get("/hello").await, "hello");
                }
            }
        });
        join_all(sockets).await;
        drop(client);
        site.come_home().await;
    }
}

#[tokio::test]
async fn a_subprotocol_is_agreed_on() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        for path in server.echoes() {
            for (offered, agreed) in [("mqtt, chat", Some("chat")), ("mqtt", None)] {
                let request = connect(path).header(SEC_WEBSOCKET_PROTOCOL, offered);
                let response = client.send(request).await.expect("an answer");
                let heard = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
                assert_eq!(heard.map(|value| value.as_bytes()), agreed.map(str::as_bytes));
                echo(&mut socket(response, &site.pool).await, "hello").await;
            }
        }
        drop(client);
        site.come_home().await;
    }
}

#[tokio::test]
async fn messages_may_be_compressed() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let request = connect("/ours").header(SEC_WEBSOCKET_EXTENSIONS, site.deflate.offer());
        let response = client.send(request).await.expect("an answer");
        let agreement = site.deflate.accept(response.headers()).expect("a good answer");
        let socket = socket(response, &site.pool).await;
        let mut socket = socket.with_deflate(agreement.expect("the server deflates"));
        echo(&mut socket, "hello ".repeat(10_000)).await;
        drop((socket, client));
        site.come_home().await;
    }
}

/// What it is sent is bounded by the windows, and the others go on.
#[tokio::test]
async fn a_client_that_does_not_read_holds_up_no_other_socket() {
    for server in [Server::Ours, Server::Axum] {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let mut flooded = client.open("/ours", &site.pool).await;
        flooded.send(flood()).await.expect("the server reads");
        let mut other = client.open("/ours", &site.pool).await;
        for turn in 0..50 {
            echo(&mut other, pattern(turn * 1_000)).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for _ in 0..1_000 {
            assert_eq!(next(&mut flooded).await, Some(flood().into()));
        }
        drop(flooded);
        echo(&mut other, "hello").await;
        let ends = async {
            while site.ends.lock().expect("no panic").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(super::client::PATIENCE, ends).await.expect("the flood ends with its socket");
        drop((other, client));
        site.come_home().await;
    }
}
