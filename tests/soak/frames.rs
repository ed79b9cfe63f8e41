//! An echo server of length-delimited frames over chains.

use std::{io, net::SocketAddr, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Account, Chain,
    codec::{Framed, LengthDelimitedCodec},
};
use tokio::net::TcpStream;

use crate::{house::House, order::Order, piece::LEN_MAX};

type Frames = Framed<TcpStream, LengthDelimitedCodec>;

pub(crate) async fn serve(stream: TcpStream, guest: SocketAddr, house: Arc<House>) {
    let account = house.accounts.frames.account(guest.to_string(), 4 * LEN_MAX);
    let mut frames = frames(stream, &account);
    match echo(&mut frames).await {
        Ok(None) => {}
        Ok(Some((order, message))) => order.obey((frames, message), account).await,
        Err(error) => house.excuses.put(guest, &error),
    }
}

pub(crate) fn frames(stream: TcpStream, account: &Account) -> Frames {
    let codec = LengthDelimitedCodec::builder().max_frame_length(LEN_MAX).new_codec();
    Framed::new(stream, codec, account)
}

/// Until the end, or an order, which comes with the chain that it is in.
async fn echo(frames: &mut Frames) -> io::Result<Option<(Order, Chain)>> {
    while let Some(message) = frames.next().await {
        let message = message?;
        if let Some(order) = Order::of_chain(&message) {
            return Ok(Some((order, message)));
        }
        frames.send(message).await?;
    }
    Ok(None)
}
