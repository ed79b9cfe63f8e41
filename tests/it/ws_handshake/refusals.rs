//! What a server does not grant.

use crate::ws_handshake::{
    client::{Client, LINES, field, head, status},
    site::{SERVERS, Site},
};

/// Each with the line that it replaces.
const REFUSED: [(usize, &[&str], u16); 29] = [
    (0, &["POST /echo HTTP/1.1"], 405),
    (0, &["PUT /echo HTTP/1.1"], 405),
    (0, &["OPTIONS /echo HTTP/1.1"], 405),
    (0, &["GET /echo HTTP/1.0"], 400),
    (1, &[], 400),
    (1, &["Host: here", "Host: here"], 400),
    (2, &[], 426),
    (2, &["Upgrade: h2c"], 426),
    (2, &["Upgrade: websockets"], 426),
    (2, &["Upgrade: web socket"], 426),
    (3, &[], 400),
    (3, &["Connection: keep-alive"], 400),
    (3, &["Connection: keep-alive upgrade"], 400),
    (3, &["Connection: upgraded"], 400),
    (4, &[], 400),
    (4, &["Sec-WebSocket-Key:"], 400),
    (4, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"], 400),
    (4, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ==="], 400),
    (4, &["Sec-WebSocket-Key: c2hvcnQ="], 400),
    (4, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="], 400),
    (
        4,
        &[
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        400,
    ),
    (4, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\u{e9}Q=="], 400),
    (5, &[], 426),
    (5, &["Sec-WebSocket-Version: 8"], 426),
    (5, &["Sec-WebSocket-Version: 14"], 426),
    (5, &["Sec-WebSocket-Version: 13, 8"], 426),
    (5, &["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"], 426),
    (5, &["Sec-WebSocket-Version: 13", "Content-Length: 5"], 400),
    (5, &["Sec-WebSocket-Version: 13", "Transfer-Encoding: chunked"], 400),
];

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_its_status() {
    for server in SERVERS {
        let site = Site::start(server).await;
        for (at, lines, refused) in REFUSED {
            let mut client = Client::connect(&site).await;
            client.send(head(&[&LINES[..at], lines, &LINES[at + 1..]].concat())).await;
            let response = client.response().await;
            assert_eq!(status(&response), refused, "{server:?}: {lines:?}: {response}");
            let is_version = at == 5 && refused == 426;
            assert_eq!(
                field(&response, "sec-websocket-version"),
                is_version.then_some("13"),
                "{response}"
            );
            assert_eq!(
                field(&response, "upgrade"),
                (refused == 426).then_some("websocket"),
                "{response}"
            );
            assert_eq!(field(&response, "allow"), (refused == 405).then_some("GET"), "{response}");
            assert_eq!(field(&response, "sec-websocket-accept"), None);
        }
        site.end().await;
    }
}

#[tokio::test]
async fn the_client_is_told_why() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        client.send(head(&LINES[..5])).await;
        let response = client.response().await;
        assert_eq!(field(&response, "content-type"), Some("text/plain; charset=utf-8"));
        assert!(response.ends_with("\r\n\r\nthe Sec-WebSocket-Version must be 13"), "{response}");
        // And may do better, on the same connection.
        client.send(head(&LINES)).await;
        assert_eq!(status(&client.response().await), 101);
        drop(client);
        site.end().await;
    }
}
