//! Beside tokio-tungstenite: both ways.

use futures_util::{SinkExt, StreamExt};
use hyper::Request;
use leasehold::{
    Pool,
    ws::{self, Message},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    accept_hdr_async, client_async,
    tungstenite::{
        self,
        client::IntoClientRequest,
        handshake::server::{Request as ServerRequest, Response as ServerResponse},
    },
};

use crate::ws_handshake::site::{SERVERS, Site};

#[tokio::test]
async fn its_client_and_our_servers_come_together() {
    for server in SERVERS {
        let site = Site::start(server).await;
        let socket = TcpStream::connect(site.address).await.expect("a connection");
        let mut request = "ws://here/echo".into_client_request().expect("a request");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "mqtt, chat".parse().expect("a value"));
        let (mut socket, response) = client_async(request, socket).await.expect("a socket");
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        let long = "long ".repeat(50_000);
        for text in ["hello", &long, ""] {
            socket.send(tungstenite::Message::text(text)).await.expect("the server reads");
            let echo = socket.next().await.expect("an echo").expect("an echo");
            assert!(echo == tungstenite::Message::text(text), "{server:?}");
        }
        socket.close(None).await.expect("a close");
        while socket.next().await.is_some() {}
        site.end().await;
    }
}

#[tokio::test]
#[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
async fn our_client_and_its_server_come_together() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("ws://{}/a/path?query", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a connection");
        let see = |request: &ServerRequest, mut response: ServerResponse| {
            assert_eq!(request.uri(), "/a/path?query");
            assert_eq!(request.headers()["cookie"], "a=b");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", "chat".parse().expect("a value"));
            Ok(response)
        };
        let mut socket = accept_hdr_async(socket, see).await.expect("a socket");
        while let Some(message) = socket.next().await {
            let message = message.expect("a message");
            if message.is_text() {
                socket.send(message).await.expect("the client reads");
            }
        }
    });
    let pool = Pool::new(8 << 20).expect("a pool");
    let request =
        Request::get(uri).header("Cookie", "a=b").header("Sec-WebSocket-Protocol", "mqtt, chat");
    let connect = ws::Connect::new(request.body(()).expect("a request"));
    let (mut socket, response) = connect.connect(&pool).await.expect("a socket");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    for text in ["hello".to_owned(), "long ".repeat(50_000), String::new()] {
        socket.send(text.clone()).await.expect("the server reads");
        assert!(socket.recv().await.expect("an echo").expect("an echo") == Message::from(text));
    }
    socket.close(None).await.expect("a close");
    server.await.expect("no panic");
    assert_eq!(pool.leased(), 0);
}
