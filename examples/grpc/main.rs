//! gRPC with large messages: tonic behind `http::serve` and `BudgetLayer`, with messages that are
//! chains.
//!
//! ```text
//! cargo run -p grpc --example grpc
//! ```
//!
//! It starts a server, uploads 8 MiB as one message, downloads them as a stream, and is refused
//! when the memory is taken.

mod chain_codec;
mod client;
mod shelf;

use std::{future::IntoFuture, iter};

use leasehold::{Pool, http::serve};
use tokio::net::TcpListener;

use crate::{
    client::Client,
    shelf::{MESSAGE_MAX, app},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let pool = Pool::new(64 << 20)?;
    tokio::spawn(pool.maintain());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = serve(listener, app(&pool)).pool(&pool, 32 << 20);
    let server = tokio::spawn(server.into_future());

    // The client has a pool of its own.
    let client_pool = Pool::new(16 << 20)?;
    let mut client = Client::connect(address, &client_pool).await?;
    let blob = vec![7; MESSAGE_MAX];
    println!("Put: {}", client.put(blob.clone().into()).await?);
    println!("Get: {}", download(&mut client).await?);

    let others: Vec<_> = iter::from_fn(|| pool.try_reserve(4 << 20).ok()).collect();
    let refused = client.put(blob.into()).await.expect_err("there is no memory for another one");
    println!("Put, while others have the memory: {:?}, {}", refused.code(), refused.message());
    println!("Get, meanwhile: {}", download(&mut client).await?);
    drop(others);

    server.abort();
    Ok(())
}

async fn download(client: &mut Client) -> anyhow::Result<String> {
    let (mut stream, mut count, mut len) = (client.get().await?, 0, 0);
    while let Some(piece) = stream.message().await? {
        (count, len) = (count + 1, len + piece.len());
    }
    Ok(format!("{len} bytes in {count} messages"))
}
