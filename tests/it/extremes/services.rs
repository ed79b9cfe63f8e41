//! Servers, WebSockets and layers.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::{Request, Response, service::service_fn};
use leasehold::{
    http::{
        collect,
        serve::{RequestBody, Serve, from_hyper, serve},
    },
    layer::BudgetLayer,
    ws::{Config, Connect, Hub, KeepAlive, Role, WebSocket},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tower::{Layer, Service, ServiceExt};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one connection with these settings, which may well cut it; says what came of a request.
macro_rules! heard {
    ($set:expr) => {{
        let pool = pool();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = async |_: Request<RequestBody>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
        };
        let server = $set(serve(listener, from_hyper(service_fn(answer))), &pool);
        let server = tokio::spawn(server.into_future());
        let mut heard = String::new();
        let asked = async {
            let mut client = TcpStream::connect(address).await?;
            client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await?;
            client.read_to_string(&mut heard).await
        };
        let asked = timeout(PATIENCE, asked).await.expect("an answer, or an end");
        assert!(!server.is_finished(), "{asked:?}: the server goes on");
        server.abort();
        assert!(server.await.is_err_and(|error| error.is_cancelled()));
        heard.starts_with("HTTP/1.1 200")
    }};
}

#[tokio::test]
async fn a_server_has_any_times() {
    for time in DURATIONS {
        heard!(|server: Serve<_, _>, _: &Pool| server.idle_timeout(time));
        heard!(|server: Serve<_, _>, _: &Pool| server.header_timeout(time));
        assert!(heard!(|server: Serve<_, _>, _: &Pool| server.stall_timeout(time)), "{time:?}");
        assert!(heard!(|server: Serve<_, _>, _: &Pool| server.linger(time)), "{time:?}");
    }
    assert!(heard!(|server: Serve<_, _>, _: &Pool| server
        .idle_timeout(Duration::MAX)
        .header_timeout(Duration::MAX)));
}

#[tokio::test]
async fn a_server_has_any_limits() {
    for len in LENS {
        assert!(heard!(|server: Serve<_, _>, _: &Pool| server.max_warm(len)), "{len}");
        assert!(heard!(|server: Serve<_, _>, _: &Pool| server.max_connections(len)), "{len}");
        assert_eq!(
            heard!(|server: Serve<_, _>, _: &Pool| server.max_header_size(len)),
            len > 100,
            "{len}"
        );
        assert!(heard!(|server: Serve<_, _>, pool: &Pool| server.pool(pool, len)), "{len}");
        let unsent = u32::try_from(len).unwrap_or(u32::MAX);
        assert!(heard!(|server: Serve<_, _>, _: &Pool| server.max_unsent(unsent)), "{len}");
    }
}

#[tokio::test]
async fn bodies_have_any_limit() {
    let pool = pool();
    for limit in LENS {
        let body = || Full::new(Bytes::from_static(b"hello"));
        assert_eq!(collect(body(), &pool, limit).await.is_ok(), limit >= 5, "{limit}");
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_layer_has_any_settings() {
    let pool = pool();
    let answer = tower::service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    for len in LENS {
        let layers = [
            BudgetLayer::new(&pool).base_len(len),
            BudgetLayer::new(&pool).unknown_len(len),
            BudgetLayer::new(&pool).max_body(len),
            BudgetLayer::new(&pool).max_request(len),
            BudgetLayer::new(&pool).base_len(len).unknown_len(len).max_body(len).max_request(len),
        ];
        for (which, layer) in layers.into_iter().enumerate() {
            for announced in [
                None,
                Some("0"),
                Some("18446744073709551615"),
                Some("18446744073709551616"),
                Some("-1"),
            ] {
                let request = Request::builder();
                let request = announced
                    .into_iter()
                    .fold(request, |request, len| request.header("content-length", len));
                let request = request.body(Empty::new()).expect("a request");
                let mut service = layer.layer(answer);
                let response =
                    service.ready().await.expect("ready").call(request).await.expect("a response");
                let is_answered = [200, 413, 503].contains(&response.status().as_u16());
                assert!(is_answered, "{which} of {len}, {announced:?}: {}", response.status());
            }
        }
    }
    for time in DURATIONS {
        drop(BudgetLayer::new(&pool).retry_after(time));
    }
    assert_eq!(pool.leased(), 0);
}

fn socket(pool: &Pool, config: Config) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(4 * KIB);
    (WebSocket::with_config(near, Role::Server, pool, Arc::new(config)), far)
}

#[tokio::test]
async fn announced_messages_are_waited_for_or_refused_and_lease_little() {
    let pool = pool();
    for announced in
        LENS.map(|len| len as u64).into_iter().chain([1 << 32, u64::MAX >> 1, 1 << 63, u64::MAX])
    {
        for most in LENS {
            for config in [
                Config::new().max_message_size(most),
                Config::new().max_frame_size(most).max_message_size(usize::MAX),
            ] {
                let (mut socket, mut far) = socket(&pool, config);
                let mut head = vec![0x82, 0x80 | 127];
                head.extend_from_slice(&announced.to_be_bytes());
                head.extend_from_slice(&[1, 2, 3, 4]);
                far.write_all(&head).await.expect("room");
                drop(far);
                assert!(
                    socket.recv().await.is_none_or(|received| received.is_err()),
                    "{announced} of {most}"
                );
                assert!(pool.peak() <= 4 * KIB, "{announced} of {most}: {}", pool.peak());
            }
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn sockets_have_any_limits() {
    let pool = pool();
    for len in LENS {
        let count = u32::try_from(len).unwrap_or(u32::MAX);
        for time in DURATIONS {
            let keep_alive = KeepAlive::new(time, time);
            let config = Config::new()
                .max_fragments(count)
                .max_controls(count)
                .max_queued(len)
                .close_timeout(time);
            let (mut socket, mut far) = socket(&pool, config.keep_alive(&keep_alive));
            let sent = socket.send("hello").await;
            let mut heard = [0; 7];
            far.read_exact(&mut heard)
                .await
                .unwrap_or_else(|error| panic!("{len}, {time:?}: {error}, {sent:?}"));
            assert_eq!(&heard, b"\x81\x05hello");
            let _ = timeout(Duration::from_millis(1), socket.close(None)).await;
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn hubs_have_any_marks() {
    let pool = pool();
    for len in LENS {
        for time in DURATIONS {
            let hub = Hub::builder(&pool).max_queued(len).slow_member_timeout(time).build();
            let (socket, mut far) = socket(&pool, Config::new());
            let mut member = hub.join(socket);
            assert!(hub.try_send("hello").is_ok() && hub.try_send("again").is_ok());
            let mut heard = [0; 7];
            let heard = async { far.read_exact(&mut heard).await.map(drop) };
            let heard = tokio::select! {
                _ = member.recv() => panic!("nothing was sent"),
                heard = timeout(PATIENCE, heard) => heard,
            };
            assert!(heard.is_ok_and(|heard| heard.is_ok()), "{len}, {time:?}");
        }
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn clients_have_any_limits() {
    let pool = pool();
    let request = || Request::get("ws://localhost/").body(()).expect("a request");
    for len in LENS {
        for time in DURATIONS {
            let (near, mut far) = duplex(4 * KIB);
            far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n")
                .await
                .expect("room");
            drop(far);
            let client = Connect::new(request()).max_head(len).timeout(time);
            assert!(client.connect_on(near, &pool).await.is_err(), "{len}, {time:?}");
        }
    }
    assert_eq!(pool.leased(), 0);
}
