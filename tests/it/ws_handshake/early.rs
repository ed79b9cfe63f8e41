//! Frames that a client sends with its request.

use std::time::Duration;

use tokio::time::sleep;

use crate::ws_handshake::{
    client::{Client, LINES, frame, head, status, until},
    site::{SERVERS, Site},
};

const TEXT: u8 = 1;
const BINARY: u8 = 2;

#[tokio::test]
async fn frames_in_the_segment_of_the_request_are_not_lost() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        let early = [
            head(&LINES).into_bytes(),
            frame(TEXT, b"one"),
            frame(TEXT, b"two"),
            frame(TEXT, b"bare?"),
        ];
        client.send(early.concat()).await;
        assert_eq!(status(&client.response().await), 101);
        assert_eq!(client.bytes(16).await, b"\x81\x03one\x81\x03two\x81\x04true", "{server:?}");
        until(|| site.pool.leased() == 0).await;
        drop(client);
        site.end().await;
    }
}

#[tokio::test]
async fn many_kilobytes_of_them_neither() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        let payload: Vec<u8> = (0..200_000).map(|at: u32| (at % 251) as u8).collect();
        client.send([head(&LINES).into_bytes(), frame(BINARY, &payload)].concat()).await;
        assert_eq!(status(&client.response().await), 101);
        let echo = client.bytes(10 + payload.len()).await;
        assert!(echo[10..] == payload, "{server:?}");
        until(|| site.pool.leased() == 0).await;
        drop(client);
        site.end().await;
    }
}

/// A request that is refused, one that is granted, and a frame.
#[tokio::test]
async fn a_request_may_come_before_the_handshake_in_the_same_segment() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        let plain = head(&LINES[..2]);
        client
            .send([plain.as_bytes(), head(&LINES).as_bytes(), &frame(TEXT, b"hello")].concat())
            .await;
        assert_eq!(status(&client.response().await), 426);
        assert_eq!(status(&client.response().await), 101);
        assert_eq!(client.bytes(7).await, b"\x81\x05hello", "{server:?}");
        drop(client);
        site.end().await;
    }
}

#[tokio::test]
async fn a_handshake_may_be_cut_anywhere() {
    let request = [head(&LINES).into_bytes(), frame(TEXT, b"hello")].concat();
    for server in SERVERS {
        let site = Site::start(server).await;
        for cut in 1..request.len() {
            let mut client = Client::connect(&site).await;
            client.send(&request[..cut]).await;
            sleep(Duration::from_millis(1)).await;
            client.send(&request[cut..]).await;
            assert_eq!(status(&client.response().await), 101, "{server:?}, cut at {cut}");
            assert_eq!(client.bytes(7).await, b"\x81\x05hello", "{server:?}, cut at {cut}");
        }
        let mut client = Client::connect(&site).await;
        for byte in &request {
            client.send([*byte]).await;
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(status(&client.response().await), 101, "{server:?}");
        assert_eq!(client.bytes(7).await, b"\x81\x05hello", "{server:?}");
        drop(client);
        site.end().await;
    }
}

#[tokio::test]
async fn a_handshake_that_ends_anywhere_leaves_nothing_behind() {
    let request = [head(&LINES).into_bytes(), frame(TEXT, b"hello")].concat();
    for server in SERVERS {
        let site = Site::start(server).await;
        for cut in 0..request.len() {
            let mut client = Client::connect(&site).await;
            client.send(&request[..cut]).await;
        }
        if let Some(connections) = site.connections.clone() {
            until(|| connections.accepted() == request.len() as u64 && connections.open() == 0)
                .await;
        }
        until(|| site.pool.leased() == 0).await;
    }
}
