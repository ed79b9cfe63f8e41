//! Upgrades, back to the bare socket.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::http_parking::{client::until, site::Site};

const UPGRADE: &str =
    "GET /upgrade HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

#[tokio::test]
async fn a_connection_is_upgraded_to_its_socket_with_what_was_sent_early() {
    for (linger, requests, early) in
        [(0, 0, ""), (0, 0, "early, "), (0, 2, ""), (0, 2, "early, "), (60, 2, "early, ")]
    {
        let site = Site::start_with(|server| server.linger(Duration::from_secs(linger))).await;
        let mut client = site.connect().await;
        for _ in 0..requests {
            client.get("/").await;
        }
        client.send(format!("{UPGRADE}{early}")).await;
        assert!(client.answer().await.starts_with("HTTP/1.1 101"));
        client.send("and late").await;
        let mut echo = vec![0; early.len() + "and late".len()];
        client.0.read_exact(&mut echo).await.expect("an echo");
        assert_eq!(echo, [early.as_bytes(), b"and late"].concat());
        // What hyper held is free, though the connection is open.
        until(|| site.pool.leased() == 0).await;
        client.send("still").await;
        client.0.read_exact(&mut echo[..5]).await.expect("an echo");
    }
}

#[tokio::test]
async fn early_bytes_of_many_kilobytes_are_not_lost() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    let early: String = (0..20_000).map(|i: u32| char::from(b'a' + (i % 23) as u8)).collect();
    client.send(format!("{UPGRADE}{early}")).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 101"));
    let mut echo = vec![0; early.len()];
    client.0.read_exact(&mut echo).await.expect("an echo");
    assert!(echo == early.as_bytes());
}
