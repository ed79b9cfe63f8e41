//! The same over TCP: the peer says its last words, and closes while something of ours is unread,
//! so that it is a reset.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{Hub, Message, Role, WebSocket},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, time::timeout};

use crate::ws_one_way::{assert_last_words, last_words, pool, transport::sockets::tcp_pair};

const ROUNDS: usize = 500;

const SOON: Duration = Duration::from_secs(10);

/// A socket, and a peer that has said its last words and is gone. Something of ours was not read,
/// so that what we send is answered by a reset.
async fn parted(pool: &Pool, role: Role) -> WebSocket<TcpStream> {
    let (near, mut far) = tcp_pair().await;
    let mut socket = WebSocket::new(near, role, pool);
    socket.send("unread").await.unwrap();
    far.write_all(&last_words(role)).await.unwrap();
    far.readable().await.unwrap();
    drop(far);
    socket
}

/// Counts the rounds in which the last words were heard.
fn count(heard: &[Message]) -> usize {
    assert_last_words(heard);
    1
}

#[tokio::test]
async fn whole_sockets_read_on_after_a_failed_send() {
    let pool = pool();
    let mut heard_by = 0;
    for round in 0..ROUNDS {
        let mut socket =
            parted(&pool, if round % 2 == 0 { Role::Server } else { Role::Client }).await;
        while socket.send("x").await.is_ok() {}
        let mut heard = Vec::new();
        while let Some(message) = socket.recv().await {
            heard.push(message.unwrap());
        }
        heard_by += count(&heard);
    }
    println!("last words heard by {heard_by} of {ROUNDS} sockets that read on after a failed send");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn handlers_that_answer_each_message_hear_all_of_them() {
    let pool = pool();
    let mut heard_by = 0;
    for _ in 0..ROUNDS {
        let mut socket = parted(&pool, Role::Server).await;
        let mut heard = Vec::new();
        while let Some(message) = socket.recv().await {
            let message = message.unwrap();
            if message.is_data() {
                // A busy handler: it has much to say to each message.
                for _ in 0..4 {
                    let _ = socket.send("answer").await;
                    tokio::task::yield_now().await;
                }
            }
            heard.push(message);
        }
        heard_by += count(&heard);
    }
    println!("last words heard by {heard_by} of {ROUNDS} busy handlers");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn halves_in_two_tasks_hear_the_last_words() {
    let pool = pool();
    let mut heard_by = 0;
    for _ in 0..ROUNDS {
        let (mut sink, mut stream) = parted(&pool, Role::Server).await.split();
        let sending =
            tokio::spawn(async move { while sink.send(Message::from("x")).await.is_ok() {} });
        let mut heard = Vec::new();
        while let Some(message) = stream.next().await {
            heard.push(message.unwrap());
        }
        heard_by += count(&heard);
        timeout(SOON, sending).await.expect("it is told").unwrap();
    }
    println!("last words heard by {heard_by} of {ROUNDS} halves");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn tasks_that_send_from_select_hear_the_last_words() {
    let pool = pool();
    let mut heard_by = 0;
    for _ in 0..ROUNDS {
        let mut socket = parted(&pool, Role::Server).await;
        let (queue, mut queued) = mpsc::channel::<&'static str>(4);
        let other =
            tokio::spawn(async move { while queue.send("from another task").await.is_ok() {} });
        let mut heard = Vec::new();
        loop {
            tokio::select! {
                Some(text) = queued.recv() => drop(socket.send(text).await),
                received = socket.recv() => match received {
                    Some(message) => heard.push(message.unwrap()),
                    None => break,
                },
            }
        }
        heard_by += count(&heard);
        drop(queued);
        other.await.unwrap();
    }
    println!("last words heard by {heard_by} of {ROUNDS} sockets that send from select!");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn members_of_a_hub_hear_the_last_words() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let mut heard_by = 0;
    for _ in 0..ROUNDS {
        let mut member = hub.join(parted(&pool, Role::Server).await);
        let feed = hub.clone();
        let feeding =
            tokio::spawn(
                async move { while feed.send("news").await.is_ok_and(|count| count > 0) {} },
            );
        let mut heard = Vec::new();
        while let Some(message) = member.recv().await {
            heard.push(message.unwrap());
            let _ = member.send("answer").await;
            tokio::task::yield_now().await;
        }
        heard_by += count(&heard);
        drop(member);
        timeout(SOON, feeding).await.expect("nobody is left").unwrap();
    }
    println!("last words heard by {heard_by} of {ROUNDS} members");
    assert_eq!((hub.len(), pool.leased()), (0, 0));
}
