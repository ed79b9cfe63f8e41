//! An upstream that answers early, and closes.

use std::{future::Future, io::ErrorKind, time::Duration};

use leasehold::{
    Pool,
    io::{Relay, copy_bidirectional},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{SOON, tcp_pair};

/// So many connections, one after the other.
const VISITS: usize = 100;

/// More than all kernels on the way take.
const UPLOAD_LEN: usize = 32 << 20;

/// What the upstream says to the first bytes of an upload, before it closes.
fn answer(len: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n"
    );
    [head.as_bytes(), &vec![b'x'; len]].concat()
}

/// What goes into the first window of a connection.
const AT_ONCE: usize = 60_000;

/// Answers after the first bytes of an upload, and closes with the others unread: the system resets
/// the connection.
async fn answer_early(mut socket: TcpStream, answer: Vec<u8>) {
    socket.read_exact(&mut [0; 1000]).await.unwrap();
    socket.write_all(&answer).await.unwrap();
    if answer.len() > AT_ONCE {
        // Its own kernel would drop what is not sent yet.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends all of an upload or as much as is taken, and then hears what was said.
async fn upload(mut socket: TcpStream) -> Vec<u8> {
    for _ in 0..UPLOAD_LEN / (64 << 10) {
        if socket.write_all(&[7; 64 << 10]).await.is_err() {
            break;
        }
    }
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard).await; // a reset behind it is as good as an end
    heard
}

/// How many clients hear all of an answer of `len` bytes through `relay`.
async fn heard<F>(len: usize, relay: impl Fn(TcpStream, TcpStream) -> F) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut count = 0;
    for _ in 0..VISITS {
        let ((client, inbound), (outbound, server)) = (tcp_pair().await, tcp_pair().await);
        let relayed = tokio::spawn(relay(inbound, outbound));
        let answered = tokio::spawn(answer_early(server, answer(len)));
        let heard = timeout(SOON, tokio::spawn(upload(client))).await.expect("it hangs").unwrap();
        timeout(SOON, relayed).await.expect("it hangs").unwrap();
        answered.await.unwrap();
        count += usize::from(heard == answer(len));
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_a_client_that_still_sends() {
    let pool = Pool::new(8 << 20).unwrap();
    for len in [100, 50_000, 500_000] {
        let ours = heard(len, |mut a, mut b| {
            let pool = pool.clone();
            async move {
                let error = copy_bidirectional(&mut a, &mut b, &pool)
                    .await
                    .expect_err("the upload is not taken");
                assert!(
                    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                    "{error}"
                );
            }
        });
        let ours = ours.await;
        let tokios = heard(len, |mut a, mut b| async move {
            drop(tokio::io::copy_bidirectional(&mut a, &mut b).await)
        })
        .await;
        println!(
            "an answer of {len} bytes is heard by {ours} of {VISITS} clients, through tokio's copy by {tokios}"
        );
        assert_eq!(ours, VISITS);
    }
    assert_eq!(pool.leased(), 0);
}

/// A tunnel whose server has said something, and is gone while the client is silent: what the
/// client sends then is lost, and nothing else.
#[tokio::test]
async fn what_a_reset_server_has_said_is_heard_by_a_client_that_sends_later() {
    let pool = Pool::new(8 << 20).unwrap();
    for _ in 0..VISITS {
        let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
        let relay = Relay::new(inbound, outbound, &pool);
        let peers = async move {
            client.write_all(&[7; 2000]).await.unwrap();
            answer_early_to(&mut server).await;
            drop(server);
            tokio::task::yield_now().await;
            let mut sent = 0;
            while sent < 100 && client.write_all(&[7; 64 << 10]).await.is_ok() {
                sent += 1;
            }
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            heard
        };
        let (moved, heard) =
            timeout(SOON, async { tokio::join!(relay, peers) }).await.expect("it hangs");
        assert_eq!(moved.expect_err("the server is gone").kind(), ErrorKind::ConnectionReset);
        assert_eq!(heard, b"I have had enough");
        assert_eq!(pool.leased(), 0);
    }
}

async fn answer_early_to(server: &mut TcpStream) {
    server.read_exact(&mut [0; 1000]).await.unwrap();
    server.write_all(b"I have had enough").await.unwrap();
}
