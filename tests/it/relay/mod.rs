//! Relays: both directions, their ends, errors, limits, and what a transport may do.

mod both_ways;
mod errors;
mod limits;
mod transports;

use std::{future::Future, time::Duration};

use leasehold::io::Relay;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for kernel and tasks to come to rest.
const REST: Duration = Duration::from_millis(200);

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Bytes that differ from their neighbours, and from those of another seed.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SmallRng::seed_from_u64(seed).fill(&mut bytes[..]);
    bytes
}

/// Sends all, ends its direction, and receives until the other one ends.
async fn talk<T: AsyncRead + AsyncWrite>(peer: T, sent: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(peer);
    let send = async {
        writer.write_all(sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(send, reader.read_to_end(&mut heard));
    read.unwrap();
    heard
}

/// A relay that only runs while something else does.
async fn beside<A, B, F>(relay: &mut Relay<A, B>, other: F) -> F::Output
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
    F: Future,
{
    let both = async {
        tokio::select! {
            ended = relay => panic!("the relay has ended: {ended:?}"),
            output = other => output,
        }
    };
    timeout(SOON, both).await.expect("it hangs")
}
