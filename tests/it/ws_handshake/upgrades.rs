//! What a server answers to a handshake, and what becomes of the connection.

use leasehold::ws::{CloseCode, CloseFrame, Message};

use crate::ws_handshake::{
    client::{ACCEPT, Client, LINES, field, head, status, until},
    site::{SERVERS, Site},
};

#[tokio::test]
async fn the_request_of_the_rfc_is_answered_as_it_says() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        client.send(head(&LINES)).await;
        let response = client.response().await;
        assert!(
            response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{server:?}: {response}"
        );
        assert_eq!(field(&response, "upgrade"), Some("websocket"));
        assert_eq!(field(&response, "connection"), Some("upgrade"));
        assert_eq!(field(&response, "sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(field(&response, "sec-websocket-protocol"), None);
        assert_eq!(field(&response, "sec-websocket-extensions"), None);
        assert_eq!(field(&response, "content-length"), None);
        drop(client);
        site.end().await;
    }
}

#[tokio::test]
async fn the_connection_becomes_a_bare_socket_that_echoes_until_it_is_closed() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let mut client = Client::connect(&site).await;
        client.send(head(&LINES)).await;
        assert_eq!(status(&client.response().await), 101);
        let mut socket = client.into_socket(&site);
        for (said, heard) in [("bare?", "true"), ("hello", "hello"), ("", "")] {
            socket.send(said).await.expect("the server reads");
            assert_eq!(
                socket.recv().await.expect("an echo").expect("an echo"),
                Message::from(heard),
                "{server:?}"
            );
        }
        // HTTP holds nothing of it any more.
        until(|| site.pool.leased() == 0).await;
        socket.close(Some(CloseFrame::new(CloseCode::NORMAL, "enough"))).await.expect("a close");
        site.end().await;
    }
}

/// Whatever the servers name it by.
#[tokio::test]
async fn the_first_of_the_clients_subprotocols_that_is_known_is_agreed_on() {
    for server in SERVERS {
        let site = Site::start(server).await;
        for (lines, agreed) in [
            (&["Sec-WebSocket-Protocol: chat"][..], Some("chat")),
            (&["Sec-WebSocket-Protocol: chat, superchat"], Some("chat")),
            (&["sec-websocket-protocol: mqtt,superchat , chat"], Some("superchat")),
            (&["Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Protocol: chat"], Some("chat")),
            (&["Sec-WebSocket-Protocol: mqtt"], None),
            // They are case-sensitive.
            (&["Sec-WebSocket-Protocol: Chat"], None),
            (&["Sec-WebSocket-Protocol: "], None),
        ] {
            let mut client = Client::connect(&site).await;
            client.send(head(&[&LINES[..], lines].concat())).await;
            let response = client.response().await;
            assert_eq!(status(&response), 101);
            assert_eq!(field(&response, "sec-websocket-protocol"), agreed, "{server:?}: {lines:?}");
        }
        site.end().await;
    }
}

#[tokio::test]
async fn lists_are_read_in_any_form() {
    for server in SERVERS {
        let site = Site::start(server).await;
        for (at, lines) in [
            (2, &["UPGRADE: WebSocket"][..]),
            (2, &["Upgrade: h2c, websocket"]),
            (2, &["Upgrade: h2c", "Upgrade: WEBSOCKET"]),
            (3, &["connection:keep-alive,Upgrade"]),
            (3, &["Connection: keep-alive , uPGRADE\t"]),
            (3, &["Connection: keep-alive", "Connection: upgrade"]),
            (3, &["Connection: ,, upgrade,"]),
            (4, &["sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ== "]),
            (5, &["Sec-WebSocket-Version: 13 ", "Content-Length: 0"]),
        ] {
            let mut client = Client::connect(&site).await;
            let all = [&LINES[..at], lines, &LINES[at + 1..]].concat();
            client.send(head(&all)).await;
            let response = client.response().await;
            assert_eq!(status(&response), 101, "{server:?}: {lines:?}: {response}");
            assert_eq!(field(&response, "sec-websocket-accept"), Some(ACCEPT));
        }
        site.end().await;
    }
}
