//! The proxy of the example `reverse_proxy`, over real sockets: bodies of any length pass through a
//! small pool, and nothing is left behind, whichever side stalls or ends.

#[path = "../../examples/reverse_proxy/proxy.rs"]
mod proxy;

use std::time::Duration;

use leasehold::Pool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::support::http_client::{Client, until};

const MIB: usize = 1 << 20;

/// What the example lets be on its way of one body.
const AHEAD: usize = 64 << 10;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A proxy with a small pool, that waits for memory for a moment only, and its upstream.
struct Proxied {
    pool: Pool,
    upstream: TcpListener,
    address: std::net::SocketAddr,
}

impl Proxied {
    async fn start() -> Self {
        let pool = Pool::builder().budget(4 * MIB).max_wait(Duration::from_millis(50));
        let pool = pool.build().expect("a valid pool");
        let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let to = upstream.local_addr().expect("an address").to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let of_proxy = pool.clone();
        let to = to.parse().expect("an authority");
        tokio::spawn(async move { proxy::run(listener, to, &of_proxy).await });
        Self { pool, upstream, address }
    }

    /// A client that has sent a head, and the upstream's end of it, which has read the head.
    async fn join(&self, request: String) -> (Client<TcpStream>, TcpStream) {
        let mut client = Client(TcpStream::connect(self.address).await.expect("the proxy listens"));
        client.send(request).await;
        let (mut upstream, _) = self.upstream.accept().await.expect("the proxy connects");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(upstream.read_u8().await.expect("a head").into());
        }
        (client, upstream)
    }

    async fn upload(&self, len: usize) -> (Client<TcpStream>, TcpStream) {
        self.join(format!("PUT / HTTP/1.1\r\nhost: here\r\ncontent-length: {len}\r\n\r\n")).await
    }

    /// As for an upload; the upstream has announced a response of so many bytes.
    async fn download(&self, len: usize) -> (Client<TcpStream>, TcpStream) {
        let (client, mut upstream) = self.join("GET / HTTP/1.1\r\nhost: here\r\n\r\n".into()).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n");
        upstream.write_all(head.as_bytes()).await.expect("the proxy reads");
        (client, upstream)
    }

    /// What blocks hold; hyper's room of a connection that is awake is reserved beside them.
    fn in_blocks(&self) -> usize {
        let stats = self.pool.stats();
        stats.leased - stats.reserved
    }

    async fn is_home(&self) {
        until(|| self.pool.leased() == 0).await;
    }
}

/// The byte at this place of a body.
fn byte_at(at: usize) -> u8 {
    (at % 251) as u8
}

fn bytes(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(byte_at).collect()
}

/// Writes the bytes of a body in its order, until it is whole or the peer takes no more.
async fn write_body(to: &mut TcpStream, len: usize) -> usize {
    let piece = bytes(0, 251 * 263);
    let mut at = 0;
    while at < len {
        let start = at % 251;
        let end = piece.len().min(start + len - at);
        match timeout(Duration::from_millis(500), to.write(&piece[start..end])).await {
            Ok(Ok(count)) => at += count,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    at
}

/// Reads and compares so many bytes of a body.
async fn read_body(from: &mut TcpStream, len: usize) {
    let piece = bytes(0, 251 * 263);
    let mut read = vec![0; 64 << 10];
    let mut at = 0;
    while at < len {
        let most = read.len().min(len - at);
        let count = timeout(PATIENCE, from.read(&mut read[..most])).await.expect("bytes in time");
        let count = count.expect("connected");
        assert_ne!(count, 0, "it ended after {at} of {len} bytes");
        assert!(read[..count] == piece[at % 251..][..count], "the bytes at {at} are others");
        at += count;
    }
}

/// Reads the head of a response.
async fn read_head(from: &mut TcpStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(
            timeout(PATIENCE, from.read_u8()).await.expect("in time").expect("a head").into(),
        );
    }
    head
}

#[tokio::test]
async fn an_upload_of_100_mib_passes_through_a_pool_of_4() {
    let proxied = Proxied::start().await;
    let (mut client, mut upstream) = proxied.upload(100 * MIB).await;
    tokio::join!(
        async { assert_eq!(write_body(&mut client.0, 100 * MIB).await, 100 * MIB) },
        read_body(&mut upstream, 100 * MIB)
    );
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("read");
    assert!(client.answer().await.ends_with("ok"));
    let peak = proxied.pool.stats().peak;
    assert!((AHEAD / 2..=2 * AHEAD).contains(&peak), "at most {peak} bytes were leased");
    proxied.is_home().await;
}

#[tokio::test]
async fn a_client_that_stalls_holds_no_block_and_one_that_ends_leaves_nothing() {
    let proxied = Proxied::start().await;
    let (mut client, mut upstream) = proxied.upload(2 * MIB).await;
    write_body(&mut client.0, MIB).await;
    read_body(&mut upstream, MIB).await;
    until(|| proxied.in_blocks() == 0).await;
    sleep(Duration::from_millis(200)).await; // longer than the pool waits
    client.send(bytes(MIB, 1000)).await;
    let mut more = [0; 1000];
    upstream.read_exact(&mut more).await.expect("a stall is no end");
    assert!(more == bytes(MIB, 1000)[..]);
    drop(client);
    let end = timeout(PATIENCE, upstream.read(&mut more)).await.expect("in time");
    assert!(!end.is_ok_and(|count| count > 0), "the upstream is told");
    proxied.is_home().await;
}

#[tokio::test]
async fn an_upstream_that_stalls_holds_a_bounded_part_and_may_read_on() {
    let proxied = Proxied::start().await;
    let len = 32 * MIB;
    let (mut client, mut upstream) = proxied.upload(len).await;
    let sent = write_body(&mut client.0, len).await;
    assert!(sent < len, "the client must wait");
    assert!((1..=AHEAD).contains(&proxied.in_blocks()), "{} are held", proxied.in_blocks());
    read_body(&mut upstream, sent).await;
    until(|| proxied.in_blocks() == 0).await;
    drop((client, upstream));
    proxied.is_home().await;
}

#[tokio::test]
async fn an_upstream_that_ends_in_mid_upload_is_a_bad_gateway() {
    let proxied = Proxied::start().await;
    let len = 32 * MIB;
    let (mut client, upstream) = proxied.upload(len).await;
    assert!(write_body(&mut client.0, len).await < len, "the client must wait");
    drop(upstream);
    let head = read_head(&mut client.0).await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    drop(client);
    proxied.is_home().await;
}

/// The pool waits for memory for 50 ms here. A client may take longer.
#[tokio::test]
async fn a_client_that_stops_reading_holds_a_bounded_part_and_may_read_on() {
    let proxied = Proxied::start().await;
    let len = 32 * MIB;
    let (mut client, mut upstream) = proxied.download(len).await;
    let sent = write_body(&mut upstream, len).await;
    assert!(sent < len, "the upstream must wait");
    assert!((1..=AHEAD).contains(&proxied.in_blocks()), "{} are held", proxied.in_blocks());
    assert!(read_head(&mut client.0).await.contains(&format!("content-length: {len}\r\n")));
    read_body(&mut client.0, sent).await;
    until(|| proxied.in_blocks() == 0).await;
    drop((client, upstream));
    proxied.is_home().await;
}

#[tokio::test]
async fn an_upstream_that_ends_in_mid_download_cuts_the_client_and_leaves_nothing() {
    let proxied = Proxied::start().await;
    let (mut client, mut upstream) = proxied.download(MIB).await;
    assert_eq!(write_body(&mut upstream, MIB / 2).await, MIB / 2);
    drop(upstream);
    read_head(&mut client.0).await;
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, client.0.read_to_end(&mut rest)).await.expect("an end in time");
    assert!(end.is_err() || rest.len() < MIB, "the client must notice");
    proxied.is_home().await;
}

#[tokio::test]
async fn a_client_that_ends_in_mid_download_leaves_nothing() {
    let proxied = Proxied::start().await;
    let len = 32 * MIB;
    let (client, mut upstream) = proxied.download(len).await;
    assert!(write_body(&mut upstream, len).await < len, "the upstream must wait");
    drop(client);
    proxied.is_home().await;
    while upstream.write(&[7; 1000]).await.is_ok() {} // and the upstream is told
}
