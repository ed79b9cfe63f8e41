//! Guests of the echo servers, which take frames, lines and counted bytes.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    guest::{Guest, expect_end},
    order::Order,
    tally::Fault,
    wire::{Wire, Wired},
};

/// Sends messages and looks at each that comes back, and does something wrong now and then.
pub(crate) async fn visit(guest: &mut Guest, to: SocketAddr, wire: Wire) -> io::Result<()> {
    let mut stream = guest.connect(to).await?;
    for _ in 0..guest.dice.within(1..16) {
        guest.pause().await;
        if guest.dice.one_in(24) {
            return misbehave(guest, stream, wire).await;
        }
        let messages = some_messages(guest, wire);
        let (mut read, mut write) = stream.split();
        tokio::try_join!(send(&mut write, &messages), receive(guest, &mut read, &messages))?;
    }
    Ok(())
}

/// One, or several one after the other.
fn some_messages(guest: &mut Guest, wire: Wire) -> Vec<Wired> {
    let count = guest.dice.pick([1, 1, 1, 3, 30]);
    (0..count)
        .map(|_| {
            let len = guest.dice.len();
            wire.message(&mut guest.dice, if count > 3 { len.min(2000) } else { len })
        })
        .collect()
}

async fn misbehave(guest: &mut Guest, mut stream: TcpStream, wire: Wire) -> io::Result<()> {
    match guest.dice.within(0..7) {
        0 | 1 => {
            let len = guest.dice.len();
            let message = wire.message(&mut guest.dice, len.max(100));
            stream.write_all(&message.head).await?;
            let cut = guest.dice.within(0..message.body.len());
            stream.write_all(&message.body.as_bytes()[..cut]).await?;
            guest.vanish(stream);
        }
        2 => pause(guest, stream, wire).await?,
        3 => {
            guest.fault(Fault::Stalled);
            let messages = long_messages(guest, wire);
            // The server stops reading too, sooner or later.
            let _ = timeout(guest.dice.millis(50..1000), send(&mut stream, &messages)).await;
            guest.vanish(stream);
        }
        4 => {
            guest.house.tally.fault(Fault::HalfClosed);
            let messages = some_messages(guest, wire);
            let (mut read, mut write) = stream.split();
            let sending = async {
                send(&mut write, &messages).await?;
                write.shutdown().await
            };
            tokio::try_join!(sending, receive(guest, &mut read, &messages))?;
            expect_end(&mut stream).await?;
        }
        5 => {
            guest.fault(Fault::Malformed);
            let (mut read, mut write) = stream.split();
            let malformed = wire.malformed();
            tokio::try_join!(write.write_all(&malformed), expect_end(&mut read))?;
        }
        _ => {
            let order = guest.dice.pick(Order::ALL);
            guest.fault(order.fault());
            stream.write_all(&wire.order(order)).await?;
            expect_end(&mut stream).await?;
        }
    }
    Ok(())
}

/// Stops reading, and comes back: all is still there.
async fn pause(guest: &mut Guest, mut stream: TcpStream, wire: Wire) -> io::Result<()> {
    guest.house.tally.fault(Fault::Paused);
    let messages = long_messages(guest, wire);
    let pause = guest.dice.millis(50..1000);
    let (mut read, mut write) = stream.split();
    let receiving = async {
        sleep(pause).await;
        receive(guest, &mut read, &messages).await
    };
    tokio::try_join!(send(&mut write, &messages), receiving).map(drop)
}

fn long_messages(guest: &mut Guest, wire: Wire) -> Vec<Wired> {
    let long = |_| {
        let len = guest.dice.long_len();
        wire.message(&mut guest.dice, len)
    };
    (0..3).map(long).collect()
}

async fn send<T: AsyncWrite + Unpin>(stream: &mut T, messages: &[Wired]) -> io::Result<()> {
    for message in messages {
        stream.write_all(&message.head).await?;
        stream.write_all(message.body.as_bytes()).await?;
        stream.write_all(message.tail).await?;
    }
    Ok(())
}

/// All of them come back, in order, to the last byte.
async fn receive<T: AsyncRead + Unpin>(
    guest: &Guest,
    stream: &mut T,
    messages: &[Wired],
) -> io::Result<()> {
    let mut came = Vec::new();
    for message in messages {
        came.resize(message.head.len() + message.body.len() + message.tail.len(), 0);
        stream.read_exact(&mut came).await?;
        let (head, rest) = came.split_at(message.head.len());
        let (body, tail) = rest.split_at(message.body.len());
        assert_eq!((head, tail), (&message.head[..], message.tail));
        let mut expected = message.body;
        expected.take(body);
        guest.house.tally.message(body.len());
    }
    Ok(())
}
