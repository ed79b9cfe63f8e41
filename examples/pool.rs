//! A pool alone: blocks of several sizes, accounts inside the pool, and a pool with nothing left.
//!
//! ```text
//! cargo run --example pool
//! ```
//!
//! It needs no peer. It prints what is leased at each step.

use std::time::Duration;

use bytes::{Buf, BufMut};
use leasehold::Pool;

const KIB: usize = 1 << 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Never more than 1 MiB of blocks, whatever happens.
    let pool = Pool::builder().budget(1 << 20).name("example").build()?;
    tokio::spawn(pool.maintain()); // memory that is not used goes back to the system

    // One block. It is charged by its capacity, and exclusive until it is frozen.
    let mut block = pool.try_lease(3000)?;
    block.put_slice(b"hello");
    println!("one block for 3000 bytes: {} leased", pool.leased());
    let block = block.freeze();
    let word = block.slice(1..4); // a second handle on the same block: nothing is copied
    println!("{:?} is a part of it: {} leased", str::from_utf8(&word)?, pool.leased());
    drop((block, word));

    // Many blocks as one buffer. A block goes home as soon as its last byte is consumed.
    let mut chain = pool.try_chain(100 * KIB)?;
    chain.put_bytes(b'x', 100 * KIB);
    let mut chain = chain.freeze();
    println!("a chain of 100 KiB: {} leased", pool.leased());
    chain.advance(90 * KIB);
    println!("after 90 KiB of it: {} leased", pool.leased());
    drop(chain);

    // An account has a limit of its own inside the pool, and accounts nest.
    let user = pool.account("user 7", 64 * KIB);
    let held = user.try_lease(64 * KIB)?;
    let refused = user.try_lease(1).expect_err("the account is full");
    println!("the account is full, the pool is not: {refused}");

    // The same request can wait. It is served when the account has room again.
    let waiting = tokio::spawn(user.lease(1));
    tokio::time::sleep(Duration::from_millis(10)).await;
    drop(held);
    let served = waiting.await??;
    println!("then it was served: the account has {} leased", user.leased());
    drop(served);

    println!("at the end: {} leased", pool.leased());
    Ok(())
}
