//! From `bytes` to leasehold: what each call becomes.
//!
//! Code that is generic over `Buf` and `BufMut` stays as it is. What allocates says from where, and
//! can be refused. So it takes an [`Account`], and waits, or has `try_` before its name.
//!
//! | bytes | leasehold |
//! |---|---|
//! | `BytesMut::new()` | `ChainMut::new(&account)`; nothing is leased yet |
//! | `BytesMut::with_capacity(n)` | `account.chain(n).await?` or `account.try_chain(n)?` |
//! | `buf.reserve(n)` | `chain.reserve(n).await?` or `chain.try_reserve(n)?` |
//! | `buf.extend_from_slice(s)` | `chain.try_extend_from_slice(s)?` |
//! | `buf.put_slice(s)`, `put_u32` … | the same, into room that was reserved; it panics without room |
//! | `buf.split_to(n)`, `split()`, `freeze()`, `clear()` | the same |
//! | `buf.unsplit(other)` | `chain.append(other.freeze())` |
//! | `Bytes::from_static(s)`, `Bytes::from(vec)` | `Chain::from(s)`, `Chain::from(vec)`; not charged |
//! | `Bytes::copy_from_slice(s)` | `Chain::copy_from_slice(s, &account)?` |
//! | `bytes.slice(..)`, `split_to`, `split_off`, `truncate`, `clone` | the same, without a copy |
//! | `&bytes[..]` | `chain.chunks()`, `peek_slice`, `find`; a copy: `to_vec()` |
//! | a buffer that must be one piece | `account.lease(n).await?`: a [`BlockMut`], frozen a [`Block`] |
//!
//! A `Bytes` can be linked into a chain, and a [`Block`] becomes a `Bytes`
//! ([`into_bytes`](crate::Block::into_bytes)), both without a copy.
//!
//! ```
//! use bytes::{BufMut, Bytes};
//! use leasehold::{Chain, ChainMut, Pool};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(8 << 20)?;
//! let mut buf = pool.chain(64).await?; // BytesMut::with_capacity(64)
//! buf.put_u16(5); // there is room
//! buf.try_extend_from_slice(b"hello")?; // makes room first, or says no
//! buf.reserve(100_000).await?; // waits while others hold the memory
//! buf.put_bytes(b'x', 100_000);
//!
//! let head = buf.split_to(2).freeze();
//! let mut message: Chain = buf.split().freeze();
//! assert_eq!((head, message.split_to(5)), (Chain::from("\0\x05"), Chain::from("hello")));
//! assert_eq!(message.slice(..3), "xxx");
//!
//! let mut reply = ChainMut::new(&pool);
//! reply.push(Bytes::from_static(b"200 OK\r\n")); // short, so it is copied if there is room
//! reply.append(message); // linked: nothing is copied
//! reply.append(Chain::copy_from_slice(b"\r\n", &pool)?);
//! assert_eq!(reply.len(), 8 + 100_000 + 2);
//!
//! let mut piece = pool.lease(1_000).await?; // one piece
//! piece.put_slice(b"one piece");
//! assert_eq!(piece.freeze().into_bytes(), "one piece");
//! drop(reply);
//! # drop(buf);
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Account`]: crate::Account
//! [`Block`]: crate::Block
//! [`BlockMut`]: crate::BlockMut
