//! Frames that a client sends with its request.

use crate::{
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
        let early = [head(&LINES).into_bytes(), frame(TEXT, b"one"), frame(TEXT, b"two"), frame(TEXT, b"bare?")];
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
