//! A connection with a socket on it is not idle.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{
    client::{PATIENCE, echo},
    site::{Server, Set, Site},
};

const IDLE: Duration = Duration::from_secs(1);

fn set() -> Set {
    Set { idle_timeout: IDLE, ..Set::default() }
}

/// Neither a message nor a ping goes over it.
#[tokio::test]
async fn a_socket_outlives_the_idle_timeout_and_the_connection_does_not_outlive_it() {
    for (server, path) in
        [(Server::Ours, "/ours"), (Server::OursWithAxum, "/ours"), (Server::OursWithAxum, "/axums")]
    {
        let site = Site::start_with(server, set()).await;
        let client = site.connect().await;
        let mut socket = client.open(path, &site.pool).await;
        echo(&mut socket, "hello").await;
        sleep(3 * IDLE).await;
        assert!(!client.connection.is_finished(), "{server:?} {path}");
        echo(&mut socket, "are you there?").await;
        assert_eq!(client.get("/hello").await, "hello");
        socket.close(None).await.expect("a close");
        timeout(PATIENCE / 2, client.connection).await.expect("an end in time").expect("no panic");
        site.come_home().await;
    }
}

#[tokio::test]
async fn a_refused_tunnel_keeps_no_connection() {
    let site = Site::start_with(Server::Ours, set()).await;
    let client = site.connect().await;
    let request = super::client::of_protocol("connect-udp", "/ours");
    assert_eq!(client.send(request).await.expect("an answer").status(), 400);
    timeout(PATIENCE / 2, client.connection).await.expect("an end in time").expect("no panic");
    site.come_home().await;
}
