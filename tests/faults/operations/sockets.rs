//! WebSockets of ours, with another one as the peer: messages that are echoed, and what ends them.

use std::{future::poll_fn, pin::Pin};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use http::{HeaderMap, header::SEC_WEBSOCKET_EXTENSIONS};
use leasehold::ws::{Deflate, DeflateAgreement, Error, Message, Role, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    place::Place,
    site::{CutOff, Done, Failure, Site, again, beside},
};

/// Message number `number`: texts and bytes in turn.
pub(super) fn message<P: Place>(site: &Site<P>, number: usize) -> Message {
    let content = site.owned(number);
    if number.is_multiple_of(2) {
        Message::binary(content)
    } else {
        let text = String::from_utf8(content.to_vec()).expect("letters are text");
        // Its drop may panic, which must not be while this returns: what is returned would leak.
        drop(content);
        Message::from(text)
    }
}

/// The message is whole, and the one that was sent.
pub(super) fn check<P: Place>(site: &Site<P>, number: usize, message: &Message) {
    assert_eq!(
        matches!(message, Message::Binary(_)),
        number.is_multiple_of(2),
        "bytes or text, as it was sent"
    );
    let data = message.clone().into_data().expect("data");
    assert!(data.to_vec() == site.content(number), "a whole message");
}

/// Waits for the transport, queues a message, and sends it: each of which may be dropped and done
/// again.
pub(super) async fn send<P: Place, T: AsyncRead + AsyncWrite + Unpin>(
    site: &Site<P>,
    socket: &mut WebSocket<T>,
    message: Message,
) -> Result<(), Error> {
    again!(site, poll_fn(|cx| Sink::<Message>::poll_ready(Pin::new(&mut *socket), cx)))?;
    Pin::new(&mut *socket).start_send(message)?;
    again!(site, SinkExt::<Message>::flush(socket))
}

/// Echoes two messages, and hears the end. Pings are answered on the way.
async fn echo<P: Place, T: AsyncRead + AsyncWrite + Unpin>(
    site: &Site<P>,
    mut socket: WebSocket<T>,
) -> Done {
    let (mut count, mut has_closed) = (0, false);
    while let Some(received) = again!(site, socket.recv()) {
        match received? {
            Message::Ping(bytes) => assert_eq!(bytes, *b"?"),
            Message::Close(_) => has_closed = true,
            received => {
                check(site, count, &received);
                send(site, &mut socket, received).await?;
                count += 1;
            }
        }
    }
    assert_eq!((count, has_closed), (2, true));
    Ok(())
}

/// The peer's part: it sends two messages, with a ping between them, and closes.
pub(super) async fn talk<P: Place>(
    site: &Site<P>,
    mut socket: WebSocket<impl AsyncRead + AsyncWrite + Unpin>,
) -> Done {
    let cut_off = |_: Error| CutOff;
    for number in 0..2 {
        socket.send(message(&far_of(site), number)).await.map_err(cut_off)?;
        socket.send(Message::Ping(Bytes::from_static(b"?").into())).await.map_err(cut_off)?;
        // In either order.
        let (mut is_back, mut has_pong) = (false, false);
        while !(is_back && has_pong) {
            match socket.recv().await.ok_or(CutOff)?.map_err(cut_off)? {
                Message::Pong(bytes) => has_pong = bytes == *b"?",
                Message::Close(_) => return Err(CutOff.into()),
                received => {
                    check(site, number, &received);
                    is_back = true;
                }
            }
        }
    }
    Ok(socket.close(None).await.map_err(cut_off)?)
}

/// The same for the peer, with whom nothing goes wrong.
pub(super) fn far_of<P: Place>(site: &Site<P>) -> Site<P> {
    let plan = crate::plan::Plan::new(site.plan.len);
    Site {
        pool: site.far_pool.clone(),
        far_pool: site.far_pool.clone(),
        plan: plan.into(),
        place: site.place,
    }
}

async fn echoing<P: Place>(site: &Site<P>, role: Role) -> Done {
    let (near, far) = site.pair().await?;
    let peer = if role == Role::Server { Role::Client } else { Role::Server };
    let (near, far) = (
        WebSocket::with_config(near, role, &site.pool, site.config()),
        WebSocket::new(far, peer, &site.far_pool),
    );
    beside(echo(site, near), talk(site, far)).await
}

pub(super) async fn server<P: Place>(site: Site<P>) -> Done {
    echoing(&site, Role::Server).await
}

pub(super) async fn client<P: Place>(site: Site<P>) -> Done {
    echoing(&site, Role::Client).await
}

/// What two ends agree on that compress all they send.
pub(super) fn agreement(deflate: &Deflate) -> [DeflateAgreement; 2] {
    let headers = |value| HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]);
    let (server, answer) = deflate.answer(&headers(deflate.offer())).expect("the same settings");
    [server, deflate.accept(&headers(answer)).expect("an answer").expect("an agreement")]
}

pub(super) async fn deflated<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    // Its memory is not what is refused here: an application makes one at its beginning.
    let settings =
        Deflate::builder().max_compressors(2).level(1).window_bits(9).min_message_size(1);
    let deflate = settings.build(&site.far_pool)?;
    let [server, client] = agreement(&deflate);
    let near =
        WebSocket::with_config(near, Role::Server, &site.pool, site.config()).with_deflate(server);
    let far = WebSocket::new(far, Role::Client, &site.far_pool).with_deflate(client);
    beside(echo(&site, near), talk(&site, far)).await
}

pub(super) async fn split<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let near = WebSocket::with_config(near, Role::Server, &site.pool, site.config());
    let (mut sink, mut stream) = near.split();
    let (queue, mut queued) = tokio::sync::mpsc::unbounded_channel();
    let site = &site;
    let receiving = async move {
        let mut number = 0;
        while let Some(received) = again!(site, stream.next()) {
            let received = received?;
            if received.is_data() {
                check(site, number, &received);
                number += 1;
                let _ = queue.send(received);
            }
        }
        Ok::<_, Failure>(())
    };
    let sending = async move {
        while let Some(message) = queued.recv().await {
            sink.feed(message).await?;
            again!(site, sink.flush())?;
        }
        Ok::<_, Failure>(())
    };
    // Whichever fails first: the other one may wait for a peer that waits, too.
    let near = async move { tokio::try_join!(receiving, sending).map(|_| ()) };
    beside(near, talk(site, WebSocket::new(far, Role::Client, &site.far_pool))).await
}

pub(super) async fn close<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let mut near = WebSocket::with_config(near, Role::Server, &site.pool, site.config());
    let mut far = WebSocket::new(far, Role::Client, &site.far_pool);
    let site = &site;
    let near = async move {
        send(site, &mut near, message(site, 0)).await?;
        again!(site, near.close(None))?;
        assert!(!near.is_open());
        Ok(())
    };
    let far = async move {
        // What is on its way when the other end closes is dropped there.
        far.send(message(&far_of(site), 1)).await.map_err(|_| CutOff)?;
        let received = far.recv().await.ok_or(CutOff)?.map_err(|_| CutOff)?;
        if !received.is_data() {
            return Err(CutOff.into());
        }
        check(site, 0, &received);
        while far.recv().await.transpose().map_err(|_| CutOff)?.is_some() {}
        Ok(())
    };
    beside(near, far).await
}
