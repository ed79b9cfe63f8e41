//! Hubs: who gets what, in which order, who waits for whom, what becomes of those who are slow, and
//! what all of it pins.

mod ending;
mod order;
mod pace;
mod policies;
mod refusals;
mod share;
mod stress;
mod talking;
mod wakers;

use crate::support::frame;
use crate::support::peer;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use bytes::BufMut;
use leasehold::{
    Account, Chain, Pool,
    ws::{Hub, HubBuilder, HubError, Member, Message, Role, SlowPolicy, WebSocket},
};
use tokio::io::DuplexStream;

use crate::ws_hub::{
    frame::Frame,
    peer::{Peer, duplex},
};

/// What a message counts beside its bytes.
const COST: usize = 64;

fn pool() -> Pool {
    Pool::new(32 << 20).unwrap()
}

/// A member whose transport holds `len` bytes, and the peer at its other end.
fn join(hub: &Hub, pool: &Pool, len: usize) -> (Member<DuplexStream>, Peer<DuplexStream>) {
    let (near, peer) = duplex(Role::Server, len);
    (hub.join(WebSocket::new(near, Role::Server, pool)), peer)
}

/// A message of one block, of so many equal bytes.
fn message(pool: &Account, fill: u8, len: usize) -> Message {
    let mut chain = pool.try_chain(len).unwrap();
    chain.put_bytes(fill, len);
    chain.freeze().into()
}

fn chain(bytes: impl Into<Vec<u8>>) -> Chain {
    bytes::Bytes::from(bytes.into()).into()
}

/// Does nothing but poll it, to its end.
async fn run(mut member: Member<DuplexStream>) {
    while member.recv().await.is_some() {}
}

/// A peer that hears that the hub is done with it, and answers.
async fn part(mut peer: Peer<DuplexStream>, code: u16) {
    assert_eq!(peer.recv().await.expect("a close frame").close_code(), Some(code));
    peer.send(Frame::close(code, "")).await;
    peer.assert_end().await;
}

/// Polls it once, however much was done since this task was polled.
async fn once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(tokio::task::unconstrained(future));
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn hubs_are_one_pointer_and_all_may_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>() {}
    fn is_send<T: Send>(_: T) {}
    is_send_and_sync::<Hub>();
    is_send_and_sync::<HubBuilder>();
    is_send_and_sync::<HubError>();
    is_send_and_sync::<SlowPolicy>();
    is_send_and_sync::<Member<DuplexStream>>();
    assert_eq!(size_of::<Hub>(), size_of::<usize>());
    let size = size_of::<Member<DuplexStream>>() - size_of::<WebSocket<DuplexStream>>();
    assert!(size <= 40, "beside its socket a member is {size} bytes");
    let pool = pool();
    let hub = Hub::new(&pool);
    is_send(hub.send("text"));
    let (mut member, _peer) = join(&hub, &pool, 1);
    is_send(member.recv());
    is_send(member.send("text"));
}

#[test]
#[should_panic(expected = "only sockets of a server are members of a hub")]
fn a_client_is_no_member() {
    let pool = pool();
    let (near, _peer) = duplex(Role::Client, 1);
    drop(Hub::new(&pool).join(WebSocket::new(near, Role::Client, &pool)));
}
