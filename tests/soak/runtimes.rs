//! Runtimes that are dropped with tasks alive: guests, handlers and relays in the middle of their
//! work.

use std::{future::pending, net::SocketAddr, sync::Arc, thread, time::Duration};

use futures_util::{SinkExt, StreamExt};
use leasehold::io::Relay;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

use crate::{dice::Dice, frames::frames, house::House, piece::Piece, tally::Fault};

/// One after the other.
pub(crate) async fn come_and_go(house: Arc<House>, mut dice: Dice) {
    while !house.closing_within(dice.millis(200..2000)).await {
        let (house, lives) = (Arc::clone(&house), dice.millis(1..80));
        let piece = Piece::of_long(&mut dice);
        let is_small = dice.one_in(2);
        // A runtime must not be dropped where other tasks run.
        let lived = tokio::task::spawn_blocking(move || live(&house, piece, is_small, lives));
        lived.await.expect("no panic");
    }
}

fn live(house: &Arc<House>, piece: Piece, is_small: bool, lives: Duration) {
    let mut builder =
        if is_small { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime: Runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
    for _ in 0..4 {
        runtime.spawn(half_a_message(house.addresses.frames, piece));
        runtime.spawn(half_a_message(house.addresses.relay, piece));
        runtime.spawn(wait_for_memory(Arc::clone(house)));
        runtime.spawn(talk_to_oneself(Arc::clone(house), piece));
    }
    if is_small {
        runtime.block_on(tokio::time::sleep(lives));
    } else {
        thread::sleep(lives);
    }
    house.tally.fault(Fault::RuntimeDropped);
    drop(runtime);
}

/// … to a server of another runtime.
async fn half_a_message(to: SocketAddr, piece: Piece) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_u32(piece.len() as u32).await?;
    stream.write_all(&piece.as_bytes()[..piece.len() / 2]).await?;
    pending().await
}

async fn wait_for_memory(house: Arc<House>) {
    let account = house.accounts.storm.account("a runtime's", 8 << 20);
    let mut held = Vec::new();
    while let Ok(chain) = account.chain(900 << 10).await {
        held.push(chain);
    }
    pending().await
}

/// Both ends of a connection, with a relay in between.
async fn talk_to_oneself(house: Arc<House>, piece: Piece) -> std::io::Result<()> {
    let account = house.accounts.frames.account("a runtime's", 2 << 20);
    let door = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(door.local_addr()?).await?;
    let (inbound, _) = door.accept().await?;
    let outbound = TcpStream::connect(door.local_addr()?).await?;
    let (far, _) = door.accept().await?;
    tokio::spawn(Relay::new(inbound, outbound, &house.accounts.relay));
    let (mut near, mut far) = (frames(near, &account), frames(far, &account));
    let echo = async {
        while let Some(Ok(message)) = far.next().await {
            if far.send(message).await.is_err() {
                return;
            }
        }
    };
    let talk = async {
        while near.send(piece.to_bytes()).await.is_ok() {
            match near.next().await {
                Some(Ok(message)) => {
                    assert!(piece == message, "a message comes back with other bytes")
                }
                _ => return,
            }
        }
    };
    tokio::join!(echo, talk);
    pending().await
}
