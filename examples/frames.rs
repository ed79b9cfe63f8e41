//! An echo of length-delimited frames. A message goes out again in the blocks that it was read
//! into.
//!
//! ```text
//! cargo run --example frames
//! printf '\0\0\0\5hello' | nc -q 1 127.0.0.1 7001 | xxd   # four bytes of length, then the message
//! ```

use std::net::SocketAddr;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use leasehold::{
    Account, Pool,
    codec::{Framed, LengthDelimitedCodec},
    io::limit_unsent,
};
use tokio::net::{TcpListener, TcpStream};

/// The limit of one connection's account: a client that announces 4 GiB gets no more than this.
const CONNECTION_MAX: usize = 4 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = Pool::new(64 << 20)?;
    tokio::spawn(pool.maintain());
    let address: SocketAddr = "127.0.0.1:7001".parse()?;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on {address}");
    loop {
        let (stream, peer) = listener.accept().await?;
        limit_unsent(&stream, 128 << 10)?; // bounds what the kernel holds for a slow client
        let account = pool.account(peer.to_string(), CONNECTION_MAX);
        tokio::spawn(async move {
            match echo(stream, &account).await {
                Ok(count) => {
                    println!("{peer}: {count} frames, at most {} bytes leased", account.peak())
                }
                Err(error) => println!("{peer}: {error}"),
            }
        });
    }
}

/// Echoes until the client ends its stream. Between two frames the connection holds no block.
async fn echo(stream: TcpStream, account: &Account) -> std::io::Result<usize> {
    let mut framed = Framed::new(stream, LengthDelimitedCodec::new(), account);
    let mut count = 0;
    while let Some(frame) = framed.next().await {
        framed.send(frame?).await?; // no byte is copied
        count += 1;
    }
    Ok(count)
}
