//! An echo server of WebSocket messages, and its guests.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::BufMut;
use http::Request;
use leasehold::{
    Chain, LeaseError,
    io::AnyStream,
    ws::{Config, Connect, Error, Message, Utf8Chain, WebSocket},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use crate::{dice::Dice, guest::Guest, house::House, order::Order, piece::Piece, tally::Fault};

/// What may be on its way while nobody reads the echo: less than the systems on the way hold.
const AHEAD_MAX: usize = 32 << 10;

pub(crate) async fn serve(mut socket: WebSocket<AnyStream>, guest: SocketAddr, house: Arc<House>) {
    while let Some(received) = socket.recv().await {
        let echoed = match received {
            Ok(message) => {
                if let Some(order) = chain(&message).and_then(Order::of_chain) {
                    return order.obey((socket, message), house.accounts.sockets.clone()).await;
                }
                if message.is_data() { socket.send(message).await } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        // After an error comes the end, once the peer was told why.
        if let Err(error) = echoed {
            house.excuses.put(guest, &error);
        }
    }
}

pub(crate) fn chain(message: &Message) -> Option<&Chain> {
    match message {
        Message::Binary(chain) => Some(chain),
        Message::Text(text) => Some(text.as_chain()),
        _ => None,
    }
}

/// The handshake, for a socket whose messages are charged to the guests.
pub(crate) async fn connect(
    guest: &mut Guest,
    path: &str,
    config: &Arc<Config>,
) -> io::Result<WebSocket<TcpStream>> {
    let to = guest.house.addresses.http;
    guest.trust_the_pool();
    let stream = guest.connect(to).await?;
    let request =
        Request::get(format!("ws://{to}{path}/{}", guest.address())).body(()).expect("a URI");
    let account = guest.house.accounts.guests.account(guest.address().to_string(), 4 << 20);
    let connect = Connect::new(request).config(Arc::clone(config)).timeout(Duration::from_secs(30));
    let (socket, _) = connect.connect_on(stream, &account).await.map_err(io::Error::other)?;
    guest.trust_nobody();
    Ok(socket)
}

pub(crate) async fn visit(guest: &mut Guest) -> io::Result<()> {
    let house = Arc::clone(&guest.house);
    let (path, config) =
        guest.dice.pick([("/plain", &house.plain), ("/deflated", &house.deflated)]);
    let mut socket = connect(guest, path, config).await?;
    for _ in 0..guest.dice.within(1..16) {
        guest.pause().await;
        if guest.dice.one_in(24) {
            return misbehave(guest, socket).await;
        }
        let pieces = some_pieces(&mut guest.dice);
        exchange(guest, &mut socket, &pieces, Duration::ZERO).await?;
    }
    if guest.dice.one_in(2) {
        socket.close(None).await?;
    }
    Ok(())
}

async fn misbehave(guest: &mut Guest, mut socket: WebSocket<TcpStream>) -> io::Result<()> {
    match guest.dice.within(0..7) {
        0 | 1 => {
            // A masked frame of 1000 bytes, of which some come.
            let cut = guest.dice.within(1..1000);
            socket
                .get_mut()
                .write_all(&[&[0x82, 0xFE, 0x03, 0xE8], &[0; 1000][..cut]].concat())
                .await?;
            guest.vanish(socket.into_inner());
        }
        2 => {
            guest.house.tally.fault(Fault::Paused);
            let pause = guest.dice.millis(50..1000);
            let piece = Piece::of_long(&mut guest.dice);
            exchange(guest, &mut socket, &[piece], pause).await?;
        }
        3 => {
            guest.fault(Fault::Stalled);
            let piece = Piece::of_long(&mut guest.dice);
            socket.send(message(guest, piece).await?).await?;
            sleep(guest.dice.millis(50..1000)).await;
            guest.vanish(socket.into_inner());
        }
        4 => {
            guest.fault(Fault::HalfClosed);
            let stream = socket.get_mut();
            stream.shutdown().await?;
            // The server hears the end of the transport without a close frame, and goes.
            while socket.recv().await.transpose()?.is_some() {}
        }
        5 => {
            guest.fault(Fault::Malformed);
            // No opcode has this number; or it is not masked.
            let frame = guest.dice.pick([[0x83, 0x80], [0x82, 0x01]]);
            socket.get_mut().write_all(&[&frame[..], &[0; 4]].concat()).await?;
            match socket.recv().await.transpose()? {
                Some(Message::Close(_)) | None => {}
                Some(other) => panic!("a broken frame is answered by {other:?}"),
            }
        }
        _ => {
            let order = guest.dice.pick(Order::ALL);
            guest.fault(order.fault());
            socket.send(order.text()).await?;
            if let Some(message) = socket.recv().await.transpose()? {
                panic!("an order is answered by {message:?}");
            }
        }
    }
    Ok(())
}

/// One of any length, or short ones one after the other.
fn some_pieces(dice: &mut Dice) -> Vec<Piece> {
    if dice.one_in(4) {
        return (0..dice.within(2..30)).map(|_| piece(dice, AHEAD_MAX / 32)).collect();
    }
    vec![piece(dice, usize::MAX)]
}

fn piece(dice: &mut Dice, most: usize) -> Piece {
    let len = dice.len().min(most);
    if dice.one_in(2) { Piece::text_of(dice, len) } else { Piece::of(dice, len) }
}

/// Sends all, and looks at what comes back, after a pause.
async fn exchange(
    guest: &mut Guest,
    socket: &mut WebSocket<TcpStream>,
    pieces: &[Piece],
    pause: Duration,
) -> Result<(), Error> {
    for piece in pieces {
        socket.send(message(guest, *piece).await?).await?;
    }
    sleep(pause).await;
    for piece in pieces {
        let message = next(socket).await?;
        let echoed = chain(&message).expect("data");
        assert_eq!(matches!(message, Message::Text(_)), piece.is_text());
        assert!(
            *piece == *echoed,
            "a message of {} bytes comes back with other {}",
            piece.len(),
            echoed.len()
        );
        guest.house.tally.message(echoed.len());
    }
    Ok(())
}

/// The next message with data; a close frame is an error here, whatever it says.
pub(crate) async fn next(socket: &mut WebSocket<TcpStream>) -> Result<Message, Error> {
    match socket.recv().await.transpose()? {
        Some(message) if message.is_data() => Ok(message),
        Some(other) => Err(io::Error::other(format!("{other:?}")).into()),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

/// In leased blocks, or linked.
async fn message(guest: &mut Guest, piece: Piece) -> Result<Message, LeaseError> {
    let chain = if guest.dice.one_in(2) {
        piece.to_bytes().into()
    } else {
        let mut chain = guest.house.accounts.guests.chain(piece.len()).await?;
        chain.put_slice(piece.as_bytes());
        chain.freeze()
    };
    Ok(if piece.is_text() {
        Message::text(Utf8Chain::try_from(chain).expect("letters"))
    } else {
        chain.into()
    })
}
