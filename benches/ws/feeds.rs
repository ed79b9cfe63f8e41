//! Servers that send one message to all their sockets, when they are told to.
//!
//! No handshake is made: both ends know what they talk. What an order asks for is the caller's: it
//! is given what to do to broadcast.

use std::cell::RefCell;

use bytes::{BufMut, Bytes};
use fastwebsockets::{Frame, Payload};
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Pool,
    ws::{Hub, Message, Role, WebSocket},
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{
        broadcast,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, protocol},
};

/// A message's payload.
pub(crate) const LEN: usize = 12 << 10;

/// What each byte of it is.
pub(crate) const BYTE: u8 = 7;

/// The limit of each socket's account, and of the hub's.
const LIMIT: usize = 4 << 20;

/// How many messages a socket that listens to a channel may be behind.
const BEHIND_MAX: usize = 16;

pub(crate) async fn hub<O>(
    listener: TcpListener,
    pool: Pool,
    mut orders: UnboundedReceiver<O>,
    obey: impl Fn(O, &dyn Fn()),
) {
    let hub = Hub::new(&pool.account("hub", LIMIT));
    let (accounts, joining) = (pool.clone(), hub.clone());
    tokio::spawn(async move {
        loop {
            let socket = WebSocket::new(
                accept(&listener).await,
                Role::Server,
                &accounts.account("socket", LIMIT),
            );
            let mut member = joining.join(socket);
            tokio::spawn(async move { while let Some(Ok(_)) = member.recv().await {} });
        }
    });
    let say = || {
        let mut payload = pool.try_chain(LEN).expect("the budget is ample");
        payload.put_bytes(BYTE, LEN);
        hub.try_send(Message::binary(payload.freeze())).expect("there is room");
    };
    while let Some(order) = orders.recv().await {
        obey(order, &say);
    }
}

/// As its users do it: all sockets listen to one channel, and each sends a clone of what comes.
pub(crate) async fn channel<O>(
    listener: TcpListener,
    mut orders: UnboundedReceiver<O>,
    obey: impl Fn(O, &dyn Fn()),
) {
    let (sender, _) = broadcast::channel(BEHIND_MAX);
    let subscribing = sender.clone();
    tokio::spawn(async move {
        loop {
            let (stream, mut receiver) = (accept(&listener).await, subscribing.subscribe());
            tokio::spawn(async move {
                let mut socket =
                    WebSocketStream::from_raw_socket(stream, protocol::Role::Server, None).await;
                loop {
                    select! {
                        Ok(message) = receiver.recv() => socket.send(message).await.expect("it is sent"),
                        heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
                    }
                }
            });
        }
    });
    let say = || drop(sender.send(tungstenite::Message::Binary(payload())));
    while let Some(order) = orders.recv().await {
        obey(order, &say);
    }
}

/// The same, with a channel for each socket.
pub(crate) async fn channels<O>(
    listener: TcpListener,
    mut orders: UnboundedReceiver<O>,
    obey: impl Fn(O, &dyn Fn()),
) {
    let senders: RefCell<Vec<UnboundedSender<tungstenite::Message>>> = RefCell::default();
    let say = || {
        let message = tungstenite::Message::Binary(payload());
        senders
            .borrow()
            .iter()
            .for_each(|sender| sender.send(message.clone()).expect("its socket is there"));
    };
    loop {
        select! {
            stream = accept(&listener) => {
                let (sender, mut receiver) = unbounded_channel();
                senders.borrow_mut().push(sender);
                tokio::spawn(async move {
                    let mut socket = WebSocketStream::from_raw_socket(stream, protocol::Role::Server, None).await;
                    loop {
                        select! {
                            Some(message) = receiver.recv() => socket.send(message).await.expect("it is sent"),
                            heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
                        }
                    }
                });
            }
            order = orders.recv() => {
                let Some(order) = order else { return };
                obey(order, &say);
            }
        }
    }
}

/// One channel again. A frame that has come in part is lost when a message is sent meanwhile, so
/// this is only for clients that say nothing.
pub(crate) async fn fast_channel<O>(
    listener: TcpListener,
    mut orders: UnboundedReceiver<O>,
    obey: impl Fn(O, &dyn Fn()),
) {
    let (sender, _) = broadcast::channel::<Bytes>(BEHIND_MAX);
    let subscribing = sender.clone();
    tokio::spawn(async move {
        loop {
            let (stream, mut receiver) = (accept(&listener).await, subscribing.subscribe());
            tokio::spawn(async move {
                let mut socket = fastwebsockets::WebSocket::after_handshake(
                    stream,
                    fastwebsockets::Role::Server,
                );
                loop {
                    let heard = select! {
                        Ok(payload) = receiver.recv() => {
                            socket.write_frame(Frame::binary(Payload::Borrowed(&payload))).await
                        }
                        frame = socket.read_frame() => frame.map(drop),
                    };
                    if heard.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let say = || drop(sender.send(payload()));
    while let Some(order) = orders.recv().await {
        obey(order, &say);
    }
}

fn payload() -> Bytes {
    Bytes::from(vec![BYTE; LEN])
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream
}
