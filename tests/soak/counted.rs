//! An echo server of counted bytes, on a buffered stream.

use std::{io, net::SocketAddr, sync::Arc};

use leasehold::io::BufStream;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{house::House, order::Order, piece::LEN_MAX};

/// More than a count has.
const COUNT_MAX: u64 = 32;

pub(crate) async fn serve(stream: TcpStream, guest: SocketAddr, house: Arc<House>) {
    let account = house.accounts.counted.account(guest.to_string(), LEN_MAX);
    let mut stream = BufStream::new(stream, &account);
    match echo(&mut stream).await {
        Ok(None) => {}
        Ok(Some(order)) => order.obey(stream, account).await,
        Err(error) => house.excuses.put(guest, &error),
    }
}

/// Until the end, an order, or what is no count.
async fn echo(stream: &mut BufStream<TcpStream>) -> io::Result<Option<Order>> {
    let (mut line, mut part) = (String::new(), vec![0; 5000]);
    loop {
        line.clear();
        (&mut *stream).take(COUNT_MAX).read_line(&mut line).await?;
        let Ok(mut left) = line.trim_end().parse::<usize>() else {
            return Ok(Order::of(line.trim_end().as_bytes()));
        };
        stream.write_all(line.as_bytes()).await?;
        while left > 0 {
            let most = left.min(part.len());
            let count = stream.read(&mut part[..most]).await?;
            if count == 0 {
                return Ok(None);
            }
            stream.write_all(&part[..count]).await?;
            left -= count;
        }
        stream.flush().await?;
    }
}
