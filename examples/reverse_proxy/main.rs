//! A reverse proxy whose bodies are in leased memory, however many clients read slowly.
//!
//! ```text
//! python3 -m http.server 9000 &                               # some server to stand in front of
//! cargo run --release --example reverse_proxy -- 127.0.0.1:9000
//! curl http://127.0.0.1:7003/                                  # through the proxy
//! ```
//!
//! A body is read into leased blocks and passed on as chains, both ways. A client that does not read
//! holds 64 KiB of it, and then its upstream waits: no other client pays.

mod proxy;

use anyhow::Context;
use leasehold::Pool;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let upstream = std::env::args().nth(1).context("usage: reverse_proxy HOST:PORT")?;
    let upstream = upstream.parse().context("that is no HOST:PORT")?;
    let pool = Pool::new(256 << 20)?;
    tokio::spawn(pool.maintain());
    let address = "127.0.0.1:7003";
    let listener = TcpListener::bind(address).await.context("cannot listen")?;
    println!("listening on http://{address}");
    Ok(proxy::run(listener, upstream, &pool).await?)
}
