//! Reading and writing: from a socket into blocks, and from blocks into a socket.
//!
//! # Two kinds of chains
//! A [`ChainMut`] is written: it is a `BufMut` that leases another block when the last one is full.
//! [`ChainMut::freeze`] makes a [`Chain`] of it, which is read: a `Buf` whose blocks go home as
//! they are consumed. Both can be split anywhere without a copy. Foreign `Bytes` can be linked into
//! either; they are not charged.
//!
//! # Reading
//! [`ChainReader`] reads any `AsyncRead` to the end of a `ChainMut`. It waits for the socket first
//! and leases afterwards, so an idle connection holds nothing. A bare TCP or Unix socket is read
//! with one call into up to eight blocks.
//!
//! # Writing
//! [`write_all_buf`] writes any `Buf` with up to 64 pieces in a call. What the transport has taken
//! goes home while the rest is still on its way.
//!
//! A complete echo, of bytes as they come:
//!
//! ```
//! use leasehold::{Account, ChainMut, Pool, io::{ChainReader, write_all_buf}};
//! use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}};
//!
//! async fn echo(mut socket: TcpStream, account: Account) -> std::io::Result<()> {
//!     let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(&account));
//!     while reader.read(&mut socket, &mut chain).await? > 0 {
//!         let mut received = chain.split().freeze(); // no copy: the blocks change their owner
//!         write_all_buf(&mut socket, &mut received).await?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(16 << 20)?;
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (socket, _) = listener.accept().await?;
//! let server = tokio::spawn(echo(socket, pool.account("connection", 1 << 20)));
//!
//! client.write_all(b"hello").await?;
//! client.shutdown().await?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "hello");
//! server.await??;
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Code that wants AsyncRead and AsyncWrite
//! [`BufStream`] takes the place of tokio's `BufStream`, `BufReader` and `BufWriter`. It has the
//! same traits, and holds no buffer while it is drained.
//!
//! # Frames
//! With the feature `codec`, `Framed` turns a transport into a stream and a sink of frames.
//! Decoders split frames off the chain that was read; a frame of a megabyte is not copied. Codecs
//! of tokio-util run unchanged in `codec::compat::Framed`.
//!
//! ```
//! use bytes::Bytes;
//! use futures_util::{SinkExt, StreamExt};
//! use leasehold::{Pool, codec::{Framed, LengthDelimitedCodec}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(16 << 20)?;
//! let (near, far) = tokio::io::duplex(1 << 10);
//! let mut client = Framed::new(near, LengthDelimitedCodec::new(), &pool);
//! let mut server = Framed::new(far, LengthDelimitedCodec::new(), &pool);
//!
//! client.send(Bytes::from_static(b"one frame")).await?;
//! let frame = server.next().await.transpose()?.expect("the client has sent a frame");
//! assert_eq!(frame, *b"one frame");
//! server.send(frame).await?; // out of the blocks that it was read into
//! assert_eq!(client.next().await.transpose()?, Some(Bytes::from_static(b"one frame").into()));
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # A peer that reads slowly
//! A task that writes to a slow peer waits, and holds what it wants to write. That is right for one
//! answer. A program that produces for many peers puts an [`Outbox`] in between: a queue with a
//! bound in bytes and a [`Policy`](crate::io::Policy) for a full one. Producers never touch the
//! socket; an [`OutboxWriter`](crate::io::OutboxWriter) gathers the queued items into large calls.
//!
//! ```
//! use leasehold::io::{Outbox, Policy};
//! use tokio::io::AsyncReadExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (outbox, mut writer) =
//!     Outbox::builder().max_queued(64 << 10).policy(Policy::DropOldest).channel();
//! let (mut socket, mut peer) = tokio::io::duplex(1 << 10);
//!
//! outbox.send(bytes::Bytes::from_static(b"news")).await?; // any task, on any thread
//! outbox.close(); // behind all that is queued
//! writer.run(&mut socket).await?; // the task of the socket
//!
//! let mut received = String::new();
//! peer.read_to_string(&mut received).await?;
//! assert_eq!(received, "news");
//! # Ok(())
//! # }
//! ```
//!
//! # Two sockets joined
//! [`Relay`], or [`copy_bidirectional`], joins two transports, as a proxy does. Each direction has
//! a limit of its own, and the relay has timeouts for silence and for connections that are half
//! open.
//!
//! [`BufStream`]: crate::io::BufStream
//! [`Chain`]: crate::Chain
//! [`ChainMut`]: crate::ChainMut
//! [`ChainMut::freeze`]: crate::ChainMut::freeze
//! [`ChainReader`]: crate::io::ChainReader
//! [`Outbox`]: crate::io::Outbox
//! [`Relay`]: crate::io::Relay
//! [`copy_bidirectional`]: crate::io::copy_bidirectional
//! [`write_all_buf`]: crate::io::write_all_buf
