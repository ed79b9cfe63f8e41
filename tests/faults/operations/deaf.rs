//! Both directions of a transport at once: the peer says all it has to say, whatever it hears. Each
//! message is answered, and all are heard, although answers fail.

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use leasehold::{
    Chain,
    codec::{Framed, FramedRead, FramedWrite, LengthDelimitedCodec, LinesCodec, compat},
    io::{BufStream, ChainReader, Outbox, Relay},
    ws::{Deflate, Error, Hub, Message, Role, WebSocket},
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec as theirs;

use super::{
    codecs::{with_length, with_newline},
    sockets::{agreement, check, far_of, message},
};
use crate::{
    place::Place,
    site::{Awaited, Done, Site, beside},
};

const MESSAGES: usize = 3;

/// The peer of a stream of bytes: says all of it, and takes what comes, to the end.
async fn say_all(far: impl AsyncRead + AsyncWrite, said: Vec<u8>) -> Done {
    let (mut reader, mut writer) = tokio::io::split(far);
    let saying = async {
        writer.write_all(&said).await?;
        writer.shutdown().await
    };
    let hearing = async {
        let mut room = [0; 700];
        while reader.read(&mut room).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // The other end may be gone before it has said a word.
    let _ = tokio::join!(saying, hearing);
    Ok(())
}

/// The peer of a socket: sends all messages, and closes.
async fn send_all<P: Place>(
    site: &Site<P>,
    socket: WebSocket<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
) -> Done {
    let (mut sink, mut stream) = socket.split();
    let far = far_of(site);
    let saying = async {
        for number in 0..MESSAGES {
            sink.send(message(&far, number)).await?;
        }
        SinkExt::close(&mut sink).await
    };
    let hearing = async { while stream.next().await.is_some() {} };
    let _ = tokio::join!(saying, hearing);
    Ok(())
}

/// Counts the messages that came, and hears the close frame.
struct Heard {
    count: usize,
    has_closed: bool,
}

impl Heard {
    fn new() -> Self {
        Self { count: 0, has_closed: false }
    }

    fn take<P: Place>(
        &mut self,
        site: &Site<P>,
        received: Result<Message, Error>,
    ) -> Option<Message> {
        match received.expect("the stream tells nothing of what cannot be sent") {
            Message::Close(_) => {
                self.has_closed = true;
                None
            }
            Message::Pong(_) => None,
            received => {
                check(site, self.count, &received);
                self.count += 1;
                Some(received)
            }
        }
    }

    fn end(self) -> Done {
        assert_eq!((self.count, self.has_closed), (MESSAGES, true), "messages, and a close frame");
        Ok(())
    }
}

async fn echo<P: Place>(
    site: &Site<P>,
    mut socket: WebSocket<impl AsyncRead + AsyncWrite + Unpin>,
) -> Done {
    let mut heard = Heard::new();
    while let Some(received) = socket.recv().await {
        if let Some(received) = heard.take(site, received) {
            let _ = socket.send(received).await;
            let _ = socket.send(Message::Ping(Chain::new())).await;
        }
    }
    heard.end()
}

async fn echoing<P: Place>(site: Site<P>, role: Role) -> Done {
    let (near, far) = site.pair().await?;
    let peer = if role == Role::Server { Role::Client } else { Role::Server };
    let (near, far) =
        (WebSocket::new(near, role, &site.pool), WebSocket::new(far, peer, &site.far_pool));
    beside(echo(&site, near), send_all(&site, far)).await
}

pub(super) async fn server<P: Place>(site: Site<P>) -> Done {
    echoing(site, Role::Server).await
}

pub(super) async fn client<P: Place>(site: Site<P>) -> Done {
    echoing(site, Role::Client).await
}

pub(super) async fn deflated<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let settings =
        Deflate::builder().max_compressors(2).level(1).window_bits(9).min_message_size(1);
    let [server, client] = agreement(&settings.build(&site.far_pool)?);
    let near = WebSocket::new(near, Role::Server, &site.pool).with_deflate(server);
    let far = WebSocket::new(far, Role::Client, &site.far_pool).with_deflate(client);
    beside(echo(&site, near), send_all(&site, far)).await
}

pub(super) async fn split<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let (mut sink, mut stream) = WebSocket::new(near, Role::Server, &site.pool).split();
    let (queue, mut queued) = tokio::sync::mpsc::unbounded_channel();
    let receiving = async {
        let mut heard = Heard::new();
        while let Some(received) = stream.next().await {
            let _ = heard.take(&site, received).map(|received| queue.send(received));
        }
        drop(queue);
        heard.end()
    };
    let sending = async {
        while let Some(message) = queued.recv().await {
            let _ = sink.send(message).await;
        }
    };
    let near = async { tokio::join!(receiving, sending).0 };
    beside(near, send_all(&site, WebSocket::new(far, Role::Client, &site.far_pool))).await
}

pub(super) async fn member<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let hub = Hub::new(&site.pool);
    let mut member = hub.join(WebSocket::new(near, Role::Server, &site.pool));
    let near = async {
        let mut heard = Heard::new();
        let _ = hub.try_send("news");
        while let Some(received) = member.recv().await {
            if let Some(received) = heard.take(&site, received) {
                let _ = hub.try_send("more news");
                let _ = member.send(received).await;
            }
        }
        drop(member);
        heard.end()
    };
    beside(near, send_all(&site, WebSocket::new(far, Role::Client, &site.far_pool))).await
}

/// What is on the wire of all items.
fn wire<P: Place>(site: &Site<P>, encode: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    (0..MESSAGES).flat_map(|number| encode(site.content(number))).collect()
}

async fn echo_frames<P: Place, F, T, I, E>(
    site: &Site<P>,
    mut frames: F,
    bytes: fn(&T) -> Vec<u8>,
    reply: impl Fn(T) -> I,
) -> Done
where
    F: Stream<Item = Result<T, E>> + Sink<I, Error = E> + Unpin,
    E: std::fmt::Debug,
{
    let mut count = 0;
    while let Some(item) = frames.next().await {
        let item = item.expect("the stream tells nothing of what cannot be sent");
        assert!(bytes(&item) == site.content(count), "a whole item");
        count += 1;
        let _ = frames.send(reply(item)).await;
    }
    assert_eq!(count, MESSAGES);
    let _ = frames.close().await;
    Ok(())
}

pub(super) async fn length_delimited<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let framed = Framed::new(near, LengthDelimitedCodec::new(), &site.pool);
    beside(
        echo_frames(&site, framed, Chain::to_vec, |item| item),
        say_all(far, wire(&site, with_length)),
    )
    .await
}

pub(super) async fn lines<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let framed = Framed::new(near, LinesCodec::new(), &site.pool);
    let near = echo_frames(&site, framed, |line: &String| line.clone().into_bytes(), |line| line);
    beside(near, say_all(far, wire(&site, with_newline))).await
}

pub(super) async fn compat<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let framed =
        compat::Framed::new(near, theirs::LengthDelimitedCodec::new()).charge_to(&site.pool);
    let near =
        echo_frames(&site, framed, |item: &bytes::BytesMut| item.to_vec(), bytes::BytesMut::freeze);
    beside(near, say_all(far, wire(&site, with_length))).await
}

pub(super) async fn halves<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let (reader, writer) = tokio::io::split(near);
    let mut frames = FramedRead::new(reader, LengthDelimitedCodec::new(), &site.pool);
    let mut sink = FramedWrite::new(writer, LengthDelimitedCodec::new(), &site.pool);
    let site = &site;
    let near = async move {
        for number in 0..MESSAGES {
            let item = frames.next().await.expect("an item").expect("no error");
            assert!(item.to_vec() == site.content(number), "a whole item");
            let _ = sink.send(item).await;
        }
        assert!(frames.next().await.is_none());
        let _ = SinkExt::<Chain>::close(&mut sink).await;
        Ok(())
    };
    beside(near, say_all(far, wire(site, with_length))).await
}

pub(super) async fn buffered<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let mut stream = BufStream::new(near, &site.pool);
    let site = &site;
    let near = async move {
        for number in 0..MESSAGES {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).await.expect("what was said");
            assert!(line == with_newline(site.content(number)), "a whole line");
            let _ = stream.write_all(&line).await;
            let _ = stream.flush().await;
        }
        assert_eq!(stream.read_until(b'\n', &mut Vec::new()).await.expect("the end"), 0);
        let _ = stream.shutdown().await;
        Ok(())
    };
    beside(near, say_all(far, wire(site, with_newline))).await
}

pub(super) async fn outbox<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let site = &site;
    let near = async move {
        let (mut reader, mut transport) = tokio::io::split(near);
        let (outbox, mut writer) = Outbox::channel(64 << 10);
        let receiving = async {
            let mut awaited = Awaited::new(wire(site, |item| item));
            let (mut chain_reader, mut chain) =
                (ChainReader::new(), leasehold::ChainMut::new(&site.pool));
            while chain_reader.read(&mut reader, &mut chain).await? > 0 {
                let came = chain.split().freeze();
                awaited.take(&came.to_vec());
                let _ = outbox.send(came).await;
            }
            outbox.close();
            awaited.end()
        };
        tokio::join!(receiving, writer.run(&mut transport)).0
    };
    beside(near, say_all(far, wire(site, |item| item))).await
}

/// What one side says reaches the other, whatever can be sent to the first.
pub(super) async fn relay<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let (upstream, mut beyond) = tokio::io::duplex(1_500);
    let site = &site;
    let near = async move {
        let mut relay = Relay::with_limit(near, upstream, &site.pool, 8 << 10);
        let answering = async {
            let mut awaited = Awaited::new(wire(site, |item| item));
            let mut room = [0; 700];
            loop {
                let count = beyond.read(&mut room).await?;
                if count == 0 {
                    break;
                }
                awaited.take(&room[..count]);
                // To a side that may take nothing any more.
                let _ = beyond.write_all(&room[..count]).await;
            }
            drop(beyond);
            awaited.end()
        };
        let (_, answered) = tokio::join!(&mut relay, answering);
        answered
    };
    beside(near, say_all(far, wire(site, |item| item))).await
}
