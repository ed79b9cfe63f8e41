//! What clients and servers of ours agree on, by their settings.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::TokioIo;
use leasehold::{
    Pool,
    io::AnyStream,
    ws::{Acceptor, Config, Connect, ConnectError, Deflate, Message, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::oneshot,
};

use crate::ws_deflate::wire::{
    BINARY, RSV1, content, deflated, frame, inflated_with, json, read_frame,
};

/// A server on hyper at the other end, and its socket once there is one.
fn serve(config: Config, pool: &Pool) -> (DuplexStream, oneshot::Receiver<WebSocket<AnyStream>>) {
    let (near, far) = tokio::io::duplex(4 << 10);
    let (given, socket) = oneshot::channel();
    let (acceptor, pool) = (Acceptor::new().config(Arc::new(config)), pool.clone());
    tokio::spawn(async move {
        let (upgrade_of, upgrade) = oneshot::channel();
        let upgrade_of = std::sync::Mutex::new(Some(upgrade_of));
        let service = service_fn(async |mut request: Request<_>| {
            let (response, upgrade) = acceptor.upgrade(&mut request).expect("a handshake");
            let once = upgrade_of.lock().expect("no panic").take().expect("one request");
            assert!(once.send(upgrade).is_ok());
            Ok::<Response<_>, Infallible>(response)
        });
        let serving =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
        serving.with_upgrades().await.expect("it is served");
        let accepted = upgrade.await.expect("an upgrade").accept(&pool).await;
        let _ = given.send(accepted.expect("a socket"));
    });
    (near, socket)
}

async fn connect(
    io: DuplexStream,
    config: Config,
    pool: &Pool,
) -> Result<(WebSocket<DuplexStream>, Response<()>), ConnectError> {
    let request = Request::get("ws://here/").body(()).expect("a request");
    Connect::new(request).config(Arc::new(config)).connect_on(io, pool).await
}

#[tokio::test]
async fn messages_are_compressed_if_both_ends_are_set_to() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = Deflate::builder().max_compressors(1).window_bits(12).build(&pool).expect("room");
    let configs = [Config::new(), Config::new().deflate(&deflate)];
    for (client_config, server_config) in
        configs.iter().flat_map(|one| configs.iter().map(move |two| (one, two)))
    {
        let (io, server) = serve(server_config.clone(), &pool);
        let (mut client, response) =
            connect(io, client_config.clone(), &pool).await.expect("a socket");
        let is_agreed = [client_config, server_config]
            .iter()
            .all(|config| format!("{config:?}").contains("deflate: Some"));
        let answer = response
            .headers()
            .get("Sec-WebSocket-Extensions")
            .map(|answer| answer.to_str().expect("text"));
        let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(answer, is_agreed.then_some(expected));
        let mut server = server.await.expect("a socket");
        for len in [0, 10, 10_000, 300_000] {
            let plain = Message::binary(Bytes::from(json(len)));
            let (sent, received) = tokio::join!(client.send(plain.clone()), server.recv());
            sent.expect("it is sent");
            let received = received.expect("a message").expect("it is whole");
            let (sent, back) = tokio::join!(server.send(received), client.recv());
            sent.expect("it is sent");
            assert!(content(back.expect("a message").expect("it is whole")).1 == json(len));
        }
        drop((client, server));
    }
    drop((configs, deflate));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_server_that_agrees_to_something_else_is_left() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = Deflate::builder().max_compressors(1).build(&pool).expect("room");
    for (answer, is_taken) in [
        ("", true),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n", true),
        ("Sec-WebSocket-Extensions: permessage-deflate\r\n", false),
        (
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; level=1\r\n",
            false,
        ),
        ("Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", false),
    ] {
        let (io, mut far) = tokio::io::duplex(4 << 10);
        let serving = tokio::spawn(async move {
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                request.push(far.read_u8().await.expect("a request").into());
            }
            let offer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                client_max_window_bits\r\n";
            assert!(request.contains(offer), "{request}");
            // A server of ours says what answers the key.
            let mut headers = http::HeaderMap::new();
            for line in request.lines().skip(1).filter(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").expect("a field");
                let name = http::HeaderName::try_from(name).expect("a name");
                headers.append(name, value.parse().expect("a value"));
            }
            let accept = accept_of(headers).await;
            let response = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{answer}\r\n"
            );
            far.write_all(response.as_bytes()).await.expect("it is read");
            far
        });
        match connect(io, Config::new().deflate(&deflate), &pool).await {
            Ok((mut client, _)) => {
                assert!(is_taken, "{answer}");
                client.send(Message::binary(Bytes::from(json(2_000)))).await.expect("it is sent");
                let mut far = serving.await.expect("no panic");
                let is_compressed = far.read_u8().await.expect("a frame") & RSV1 != 0;
                assert_eq!(is_compressed, !answer.is_empty());
                continue;
            }
            Err(error) => {
                assert!(!is_taken && error.to_string().contains("an extension"), "{answer}{error}")
            }
        }
        drop(serving.await.expect("no panic"));
    }
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_client_that_offers_it_is_sent_compressed_messages() {
    let pool = Pool::new(16 << 20).expect("a pool");
    let deflate = Deflate::builder().max_compressors(1).build(&pool).expect("room");
    for (offer, expected) in [
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", BINARY | RSV1),
        ("permessage-deflate; server_max_window_bits=8", BINARY),
    ] {
        let (mut near, server) = serve(Config::new().deflate(&deflate), &pool);
        let head = [
            "GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: ",
            offer,
            "\r\n\r\n",
        ];
        near.write_all(head.concat().as_bytes()).await.expect("it is read");
        let mut response = String::new();
        while !response.ends_with("\r\n\r\n") {
            response.push(near.read_u8().await.expect("a response").into());
        }
        assert_eq!(
            response.contains("server_max_window_bits=10"),
            expected & RSV1 != 0,
            "{response}"
        );
        let mut server = server.await.expect("a socket");
        near.write_all(&frame(
            BINARY | expected & RSV1,
            &if expected & RSV1 == 0 { json(2_000) } else { deflated(&json(2_000)) },
        ))
        .await
        .expect("it is read");
        let message = server.recv().await.expect("a message").expect("it is whole");
        server.send(message).await.expect("it is sent");
        let (first, payload) = read_frame(&mut near).await;
        assert_eq!(first, expected);
        assert!(
            if expected & RSV1 == 0 { payload } else { inflated_with(&payload, 10) } == json(2_000)
        );
        drop(server);
    }
    drop(deflate);
    assert_eq!(pool.leased(), 0);
}

/// What answers the key of these headers, by a server of ours.
async fn accept_of(headers: http::HeaderMap) -> String {
    let (mut near, far) = tokio::io::duplex(4 << 10);
    let service = service_fn(async |mut request: Request<_>| {
        let (response, _) = Acceptor::new().upgrade(&mut request).expect("a handshake");
        Ok::<Response<_>, Infallible>(response)
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    let asking = async {
        let mut head = "GET / HTTP/1.1\r\n".to_owned();
        for (name, value) in &headers {
            head += &format!("{name}: {}\r\n", value.to_str().expect("text"));
        }
        near.write_all((head + "\r\n").as_bytes()).await.expect("it is read");
        let mut response = String::new();
        while !response.ends_with("\r\n\r\n") {
            response.push(near.read_u8().await.expect("a response").into());
        }
        drop(near);
        response
    };
    let (response, _) = tokio::join!(asking, async { serving.with_upgrades().await });
    let line = response.lines().find_map(|line| line.strip_prefix("sec-websocket-accept: "));
    line.expect("an answer to the key").to_owned()
}
