//! What a server does not grant.

use hyper::{Method, Request};

use super::{
    client::{connect, echo, of_protocol, text, uri},
    site::{SERVERS, Site},
};

#[tokio::test]
async fn what_is_no_handshake_is_refused_and_the_connection_goes_on() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let version = ("sec-websocket-version", "13");
        let refused = [
            (
                Request::get(uri("/ours")),
                405,
                "this is a WebSocket: on HTTP/2 it begins with an extended CONNECT",
            ),
            (Request::post(uri("/ours")), 405, "a WebSocket begins with a CONNECT"),
            // The Upgrade of HTTP/1 is nothing here.
            (
                Request::get(uri("/ours")).header(version.0, version.1),
                405,
                "this is a WebSocket: on HTTP/2 it begins with an extended CONNECT",
            ),
            (
                of_protocol("connect-udp", "/ours").header(version.0, version.1),
                400,
                "the request for a WebSocket is not well-formed: its :protocol is not \"websocket\"",
            ),
            (of_protocol("websocket", "/ours"), 400, "the Sec-WebSocket-Version must be 13"),
            (
                of_protocol("websocket", "/ours").header(version.0, "8"),
                400,
                "the Sec-WebSocket-Version must be 13",
            ),
            (
                connect("/ours").header(version.0, version.1),
                400,
                "the Sec-WebSocket-Version must be 13",
            ),
        ];
        for (request, status, why) in refused {
            let response = client.send(request).await.expect("an answer");
            assert_eq!(response.status(), status, "{server:?}: {why}");
            let headers = response.headers().clone();
            assert!(!headers.contains_key("upgrade") && !headers.contains_key("connection"));
            let allow = headers.get("allow").map(|value| value.to_str().expect("text"));
            assert_eq!(allow, (status == 405).then_some("CONNECT"), "{server:?}: {why}");
            let said = headers.get("sec-websocket-version").map(|value| value.as_bytes());
            let is_version = why.contains("Version");
            assert_eq!(said, is_version.then_some(&b"13"[..]), "{server:?}: {why}");
            assert_eq!(text(response).await, why);
        }
        echo(&mut client.open("/ours", &site.pool).await, "hello").await;
        drop(client);
        site.come_home().await;
    }
}

/// RFC 9113 §8.5: it has no scheme and no path.
#[tokio::test]
async fn a_plain_connect_is_no_websocket() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let client = site.connect().await;
        let request = Request::builder().method(Method::CONNECT).uri("here:80");
        let response = client.send(request.header("sec-websocket-version", "13")).await;
        let status = response.expect("an answer").status();
        assert!(status.is_client_error(), "{server:?}: {status}");
        drop(client);
        site.come_home().await;
    }
}
