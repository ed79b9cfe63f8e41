//! One type for sockets and everything else: a socket stays a socket.

use std::{io::IoSlice, pin::Pin};

use bytes::Bytes;
use leasehold::{
    Chain, ChainMut, Pool,
    io::{AnyStream, ChainReader, write_all_buf},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    net::TcpStream,
};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::calls;
use crate::support::transport;
#[cfg(unix)]
use transport::sockets::unix_pair;
use transport::{Faulty, pattern, sockets::tcp_pair};

fn pool() -> Pool {
    Pool::new(8 << 20).expect("a pool")
}

#[test]
fn it_is_two_words_larger_than_a_socket_and_may_change_threads() {
    fn assert_send_unpin<T: Send + Unpin + 'static>() {}
    assert_send_unpin::<AnyStream>();
    assert!(size_of::<AnyStream>() <= size_of::<TcpStream>() + 2 * size_of::<usize>());
}

#[tokio::test]
async fn a_socket_is_recognised_however_it_came_in() {
    let (near, far) = tcp_pair().await;
    let address = near.local_addr().expect("an address");
    let (near, far) = (AnyStream::new(near), AnyStream::from(far));
    assert_eq!(near.as_tcp().expect("a socket").local_addr().expect("an address"), address);
    assert_eq!(far.as_tcp().expect("a socket").peer_addr().expect("an address"), address);
    assert!(AnyStream::new(duplex(1).0).as_tcp().is_none());
}

/// Says 100,000 bytes, hears them, and says no more; `peer` returns them.
async fn is_carried<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut io: AnyStream,
    mut peer: T,
) {
    let (pool, content) = (pool(), pattern(100_000));
    let echo = tokio::spawn(async move {
        let mut heard = Vec::new();
        let (mut reader, mut writer) = tokio::io::split(&mut peer);
        let mut piece = [0; 1000];
        while let Ok(count @ 1..) = reader.read(&mut piece).await {
            heard.extend_from_slice(&piece[..count]);
            writer.write_all(&piece[..count]).await.expect("the test reads");
        }
        heard
    });
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    for piece in content.chunks(1000) {
        write_all_buf(&mut io, &mut Chain::from(Bytes::copy_from_slice(piece)))
            .await
            .expect("the peer reads");
        while chain.len() < piece.len() {
            assert!(chain_reader.read(&mut io, &mut chain).await.expect("the peer writes") > 0);
        }
        assert!(chain.split().freeze() == *piece);
    }
    io.flush().await.expect("a flush");
    io.shutdown().await.expect("an end");
    assert!(echo.await.expect("no panic") == content);
    drop(chain);
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_end_too() {
    let (near, far) = tcp_pair().await;
    is_carried(AnyStream::new(near), far).await;
    #[cfg(unix)]
    {
        let (near, far) = unix_pair();
        far.set_nonblocking(true).expect("a socket");
        let far = tokio::net::UnixStream::from_std(far).expect("a socket");
        is_carried(AnyStream::new(near), far).await;
    }
    let (near, far) = duplex(1 << 10);
    is_carried(AnyStream::new(near), far).await;
}

#[tokio::test]
async fn it_is_vectored_if_its_transport_is() {
    let (near, _far) = duplex(1 << 10);
    let mut io = AnyStream::new(near);
    assert!(io.is_write_vectored());
    let pieces = [IoSlice::new(b"in "), IoSlice::new(b"one "), IoSlice::new(b"call")];
    assert_eq!(io.write_vectored(&pieces).await.expect("there is room"), 11);

    let (near, _far) = tcp_pair().await;
    let mut io = AnyStream::new(near);
    assert!(io.is_write_vectored());
    assert_eq!(io.write_vectored(&pieces).await.expect("there is room"), 11);

    let mut io = AnyStream::new(Faulty::new([]));
    assert!(!io.is_write_vectored());
    assert_eq!(io.write_vectored(&pieces).await.expect("there is room"), 3);
}

/// Reads and writes 100 small messages of two pieces, each with one call.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
async fn calls_of<T: AsyncRead + AsyncWrite + Unpin>(
    wrap: impl FnOnce(TcpStream) -> T,
) -> [calls::Calls; 2] {
    use calls::{take_recv, take_send};
    use std::os::fd::AsRawFd;

    let pool = pool();
    let (mut near, far) = tcp_pair().await;
    let fd = far.as_raw_fd();
    let mut far = wrap(far);
    take_recv(&fd);
    take_send(&fd);
    let asking = async {
        for _ in 0..100 {
            near.write_all(&pattern(1000)).await.expect("the peer reads");
            let mut answer = [0; 2000];
            near.read_exact(&mut answer).await.expect("the peer writes");
        }
        near
    };
    let answering = async {
        let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
        for _ in 0..100 {
            assert_eq!(
                chain_reader.read(&mut far, &mut chain).await.expect("the peer writes"),
                1000
            );
            let message = chain.split_frame(1000);
            let mut answer = message.clone();
            answer.append(message);
            write_all_buf(&mut far, &mut answer).await.expect("the peer reads");
        }
    };
    let (_near, ()) = tokio::join!(asking, answering);
    assert_eq!(pool.leased(), 0);
    [take_recv(&fd), take_send(&fd)]
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_socket_in_it_costs_no_call_more() {
    let bare = calls_of(|socket| socket).await;
    let [recv, send] = calls_of(AnyStream::new).await;
    assert_eq!((send.calls, send.would_block), (100, 0));
    // A fresh socket may be found empty once.
    assert!(recv.calls <= 101 && recv.would_block <= 1, "{recv:?}, and bare {bare:?}");
    assert_eq!(send, bare[1]);
}

/// As tokio's functions of these names, ours take what has no size.
#[tokio::test]
async fn trait_objects_are_read_and_written_too() {
    use leasehold::io::{Outbox, poll_write_buf};

    let pool = Pool::new(8 << 20).unwrap();
    let (near, far) = tokio::io::duplex(100);
    let mut writer: Box<dyn AsyncWrite + Unpin> = Box::new(near);
    let mut reader: Box<dyn AsyncRead + Unpin> = Box::new(far);
    write_all_buf(&mut *writer, &mut &b"one "[..]).await.unwrap();
    let two: &mut &[u8] = &mut &b"two "[..];
    assert_eq!(
        std::future::poll_fn(|cx| poll_write_buf(Pin::new(&mut *writer), cx, two)).await.unwrap(),
        4
    );
    let (outbox, mut run) = Outbox::channel(100);
    outbox.send(Bytes::from_static(b"three")).await.unwrap();
    outbox.close();
    run.run(&mut *writer).await.unwrap();
    let (mut chain_reader, mut chain) = (ChainReader::new(), ChainMut::new(&pool));
    while chain_reader.read(&mut *reader, &mut chain).await.unwrap() > 0 {}
    assert_eq!(chain.freeze(), *b"one two three");
    assert_eq!(pool.leased(), 0);
}
