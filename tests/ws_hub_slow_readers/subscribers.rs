//! The subscribers: raw sockets, of which every second one stops to read, and keeps its connection.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::{LEN, SUBSCRIBERS, count, heap};

/// They stop in so many groups, one after the other.
const GROUPS: usize = 3;

/// A close frame of code 1001, and what stands behind it.
const GOING_AWAY: [u8; 2] = 1001_u16.to_be_bytes();

pub(crate) fn run(address: SocketAddr) {
    heap::files::allow(SUBSCRIBERS as u64 + 100);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let mut stopped = Vec::new();
        for index in 0..SUBSCRIBERS {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(64 << 10).expect("an option of the system");
            let stream = BufReader::with_capacity(
                16 << 10,
                socket.connect(address).await.expect("the feed listens"),
            );
            if index % 2 == 0 {
                tasks.spawn(read_all(stream));
            } else {
                let messages = count() / 4 * (index / 2 % GROUPS) / GROUPS;
                stopped.push(tokio::spawn(async move {
                    let mut stream = stream;
                    for at in 0..messages {
                        read_message(&mut stream, at).await;
                    }
                    // It stays, and reads nothing.
                    stream
                }));
            }
        }
        timeout(Duration::from_secs(170), async {
            while tasks.join_next().await.transpose().expect("no panic").is_some() {}
        })
        .await
        .expect("all of it comes");
        drop(stopped);
    });
}

async fn read_message(stream: &mut BufReader<TcpStream>, index: usize) {
    let mut message = [0; 4 + LEN];
    stream.read_exact(&mut message).await.expect("a message");
    assert_eq!(message[..4], [0x82, 126, (LEN >> 8) as u8, LEN as u8], "message {index}");
    assert_eq!(message[4..12], (index as u64).to_be_bytes(), "every message, in order");
    assert!(message[12..] == [index as u8; LEN - 8]);
}

/// Every message, which is told, then the close frame, which is answered, and the end.
async fn read_all(mut stream: BufReader<TcpStream>) {
    for index in 0..count() {
        read_message(&mut stream, index).await;
    }
    // "I have all": an empty message.
    stream.write_all(&[0x82, 0x80, 0, 0, 0, 0]).await.expect("the feed reads");
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.expect("a close frame");
    assert_eq!((head[0], &head[2..]), (0x88, &GOING_AWAY[..]));
    let mut reason = vec![0; usize::from(head[1]) - 2];
    stream.read_exact(&mut reason).await.expect("a reason");
    stream
        .write_all(&[0x88, 0x82, 0, 0, 0, 0, GOING_AWAY[0], GOING_AWAY[1]])
        .await
        .expect("the feed reads");
    assert_eq!(stream.read(&mut head).await.expect("the end"), 0);
}
