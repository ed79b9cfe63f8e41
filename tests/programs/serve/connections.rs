//! Connections: how many requests they carry and how they end.

use crate::serve::{server::Server, site::Site};

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let site = Site::new();
    let bytes = site.write_random("file", 100_000);
    let server = Server::start(&site);
    let mut client = server.connect();
    for _ in 0..10 {
        assert!(client.ask("GET", "/file", &[]).body == bytes);
        assert_eq!(client.ask("GET", "/none", &[]).status, 404);
        assert_eq!(client.ask("POST", "/", &["content-length: 0"]).status, 405);
    }
    server.assert_comes_to_rest();
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let site = Site::new();
    let server = Server::start(&site);
    let bodies: Vec<_> =
        (0..12).map(|index| site.write_random(&index.to_string(), index * 30_011)).collect();
    let mut client = server.connect();
    (0..12).for_each(|index| client.send("GET", &format!("/{index}"), &[]));
    for body in &bodies {
        assert!(client.reply("GET").body == *body, "{} bytes differ", body.len());
    }
    server.assert_comes_to_rest();
}

#[test]
fn idle_connections_hold_nothing() {
    let site = Site::new();
    let bytes = site.write_random("file", 100_000);
    let server = Server::start(&site);
    let mut idle: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for client in &mut idle {
        assert!(client.ask("GET", "/file", &[]).body == bytes);
    }
    assert!(server.figure("reserved") > 1 << 20, "they linger before they are parked");
    server.assert_comes_to_rest();
    // They are open still.
    for client in &mut idle {
        assert!(client.ask("GET", "/file", &["range: bytes=0-9"]).body == bytes[..10]);
    }
    drop(idle);
    server.assert_comes_to_rest();
}

#[test]
fn ctrl_c_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let site = Site::new();
        site.write_sparse("file", 16 << 20);
        let mut server = Server::start(&site);
        let mut idle = server.connect();
        assert_eq!(idle.ask("GET", "/", &[]).status, 200);
        let mut busy = server.connect();
        busy.send("GET", "/file", &["connection: close"]);
        busy.read_some(10_000);
        server.signal(signal);
        assert_eq!(idle.read_to_end(), 0);
        // What has begun is finished.
        assert!(busy.read_to_end() > (16 << 20) - 10_000);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}
