//! A hub: what is broadcast comes whole and in order, and what a member says comes back to it
//! alone.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::{Buf, BufMut};
use leasehold::{
    Chain,
    io::AnyStream,
    ws::{Hub, Member, Message, WebSocket},
};
use tokio::{net::TcpStream, time::sleep};

use crate::{
    dice::Dice,
    guest::Guest,
    house::House,
    piece::Piece,
    sockets::{connect, next},
    tally::Fault,
};

/// The number and the place of a broadcast stand before its bytes.
const HEAD_LEN: usize = 16;

/// The longest broadcast.
const BROADCAST_MAX: usize = 40 << 10;

/// Broadcasts until the servers stop, whether somebody listens or not.
pub(crate) async fn broadcast(hub: Hub, house: Arc<House>, mut dice: Dice) {
    let mut number = 0;
    while !house.is_stopped() {
        sleep(dice.millis(1..30)).await;
        let len = dice.len().min(BROADCAST_MAX);
        let piece = Piece::of(&mut dice, len);
        // Where memory is short, there is one less.
        let Ok(mut chain) = house.accounts.hub.chain(HEAD_LEN + len).await else { continue };
        number += 1;
        chain.put_u64(number);
        chain.put_u64(piece.at as u64);
        chain.put_slice(piece.as_bytes());
        if dice.one_in(2) {
            let _ = hub.try_send(chain.freeze());
        } else {
            let _ = hub.send(chain.freeze()).await;
        }
    }
}

pub(crate) async fn serve(mut member: Member<AnyStream>, guest: SocketAddr, house: Arc<House>) {
    while let Some(received) = member.recv().await {
        let echoed = match received {
            Ok(message @ Message::Text(_)) => member.send(message).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = echoed {
            house.excuses.put(guest, &error);
        }
    }
}

/// Listens, talks now and then, and is slow at times.
pub(crate) async fn visit(guest: &mut Guest) -> io::Result<()> {
    let house = Arc::clone(&guest.house);
    let mut socket = connect(guest, "/hub", &house.plain).await?;
    let mut last = 0;
    for _ in 0..guest.dice.within(1..60) {
        if guest.dice.one_in(40) {
            return misbehave(guest, socket).await;
        }
        if guest.dice.one_in(4) {
            talk(guest, &mut socket, &mut last).await?;
        } else {
            let Some(chain) = heard(guest, &mut socket).await?.into_data() else { continue };
            last = check(guest, chain, last);
        }
    }
    if guest.dice.one_in(2) {
        socket.close(None).await?;
    }
    Ok(())
}

/// Says something, and listens until it comes back.
async fn talk(
    guest: &mut Guest,
    socket: &mut WebSocket<TcpStream>,
    last: &mut u64,
) -> io::Result<()> {
    let words = format!("what guest {} says", guest.dice.within(0..1_000_000));
    socket.send(words.clone()).await?;
    loop {
        match heard(guest, socket).await? {
            Message::Text(text) => {
                assert_eq!(text.to_str(), words);
                guest.house.tally.message(words.len());
                return Ok(());
            }
            other => *last = check(guest, other.into_data().expect("data"), *last),
        }
    }
}

/// A member that is slow may be closed, and it is not for the test to say who is slow on this
/// machine.
async fn heard(guest: &mut Guest, socket: &mut WebSocket<TcpStream>) -> io::Result<Message> {
    match socket.recv().await.transpose()? {
        Some(Message::Close(Some(frame))) if frame.code == leasehold::ws::CloseCode::POLICY => {
            guest.fault(Fault::Stalled);
            Err(io::Error::other("too slow"))
        }
        Some(message) if message.is_data() => Ok(message),
        Some(other) => Err(io::Error::other(format!("{other:?}"))),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A broadcast is whole, and later than the last one; its number.
fn check(guest: &Guest, mut chain: Chain, last: u64) -> u64 {
    let (number, at) = (chain.get_u64(), chain.get_u64());
    assert!(number > last, "broadcast {number} comes after {last}");
    let piece = Piece::found_at(at as usize, chain.len());
    assert!(piece == chain, "broadcast {number} is not what was sent");
    guest.house.tally.message(chain.len());
    number
}

async fn misbehave(guest: &mut Guest, mut socket: WebSocket<TcpStream>) -> io::Result<()> {
    if guest.dice.one_in(2) {
        // Comes back, if the hub has not closed it: it has missed what it had no room for.
        guest.fault(Fault::Paused);
        sleep(guest.dice.millis(100..2000)).await;
        let mut last = 0;
        while let Message::Binary(chain) = next(&mut socket).await? {
            last = check(guest, chain, last);
            if guest.dice.one_in(20) {
                break;
            }
        }
        return Ok(());
    }
    guest.vanish(socket.into_inner());
    Ok(())
}

/// Listens until the hub is closed.
pub(crate) async fn stay(guest: &mut Guest) -> io::Result<()> {
    let house = Arc::clone(&guest.house);
    let mut socket = connect(guest, "/hub", &house.plain).await?;
    while socket.recv().await.transpose()?.is_some() {}
    Ok(())
}
