//! An echo server of lines, with a codec of tokio-util.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use leasehold::codec::compat::Framed;
use tokio::net::TcpStream;
use tokio_util::codec::{LinesCodec, LinesCodecError};

use crate::{house::House, order::Order, piece::LEN_MAX, wire::LINE_MAX};

type Lines = Framed<TcpStream, LinesCodec>;

pub(crate) async fn serve(stream: TcpStream, guest: SocketAddr, house: Arc<House>) {
    let account = house.accounts.lines.account(guest.to_string(), LEN_MAX);
    let mut lines =
        Framed::new(stream, LinesCodec::new_with_max_length(LINE_MAX)).charge_to(&account);
    match echo(&mut lines).await {
        Ok(None) => {}
        Ok(Some(order)) => order.obey(lines, account).await,
        Err(LinesCodecError::Io(error)) => house.excuses.put(guest, &error),
        Err(LinesCodecError::MaxLineLengthExceeded) => {}
    }
}

async fn echo(lines: &mut Lines) -> Result<Option<Order>, LinesCodecError> {
    while let Some(line) = lines.next().await {
        let line = line?;
        if let Some(order) = Order::of(line.as_bytes()) {
            return Ok(Some(order));
        }
        lines.send(line).await?;
    }
    Ok(None)
}
