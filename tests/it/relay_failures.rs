//! Relays of which one direction fails: the other one gives out all that had arrived, and ends in
//! its own time.

use crate::support::transport::broken;

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use broken::{Broken, Last};
use leasehold::{
    Pool,
    io::{Relay, copy_bidirectional},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(20);

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

// ---- an upstream that answers early
// ------------------------------------------------------------------------------------

/// So many connections, one after the other.
const VISITS: usize = 100;

/// More than all kernels on the way take.
const UPLOAD_LEN: usize = 32 << 20;

/// What the upstream says to the first bytes of an upload, before it closes.
fn answer(len: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n"
    );
    [head.as_bytes(), &vec![b'x'; len]].concat()
}

/// What goes into the first window of a connection.
const AT_ONCE: usize = 60_000;

/// Answers after the first bytes of an upload, and closes with the others unread: the system resets
/// the connection.
async fn answer_early(mut socket: TcpStream, answer: Vec<u8>) {
    socket.read_exact(&mut [0; 1000]).await.unwrap();
    socket.write_all(&answer).await.unwrap();
    if answer.len() > AT_ONCE {
        // Its own kernel would drop what is not sent yet.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends all of an upload or as much as is taken, and then hears what was said.
async fn upload(mut socket: TcpStream) -> Vec<u8> {
    for _ in 0..UPLOAD_LEN / (64 << 10) {
        if socket.write_all(&[7; 64 << 10]).await.is_err() {
            break;
        }
    }
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard).await; // a reset behind it is as good as an end
    heard
}

/// How many clients hear all of an answer of `len` bytes through `relay`.
async fn heard<F>(len: usize, relay: impl Fn(TcpStream, TcpStream) -> F) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut count = 0;
    for _ in 0..VISITS {
        let ((client, inbound), (outbound, server)) = (tcp_pair().await, tcp_pair().await);
        let relayed = tokio::spawn(relay(inbound, outbound));
        let answered = tokio::spawn(answer_early(server, answer(len)));
        let heard = timeout(SOON, tokio::spawn(upload(client))).await.expect("it hangs").unwrap();
        timeout(SOON, relayed).await.expect("it hangs").unwrap();
        answered.await.unwrap();
        count += usize::from(heard == answer(len));
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_a_client_that_still_sends() {
    let pool = Pool::new(8 << 20).unwrap();
    for len in [100, 50_000, 500_000] {
        let ours = heard(len, |mut a, mut b| {
            let pool = pool.clone();
            async move {
                let error = copy_bidirectional(&mut a, &mut b, &pool)
                    .await
                    .expect_err("the upload is not taken");
                assert!(
                    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
                    "{error}"
                );
            }
        });
        let ours = ours.await;
        let tokios = heard(len, |mut a, mut b| async move {
            drop(tokio::io::copy_bidirectional(&mut a, &mut b).await)
        })
        .await;
        println!(
            "an answer of {len} bytes is heard by {ours} of {VISITS} clients, through tokio's copy by {tokios}"
        );
        assert_eq!(ours, VISITS);
    }
    assert_eq!(pool.leased(), 0);
}

/// A tunnel whose server has said something, and is gone while the client is silent: what the
/// client sends then is lost, and nothing else.
#[tokio::test]
async fn what_a_reset_server_has_said_is_heard_by_a_client_that_sends_later() {
    let pool = Pool::new(8 << 20).unwrap();
    for _ in 0..VISITS {
        let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
        let relay = Relay::new(inbound, outbound, &pool);
        let peers = async move {
            client.write_all(&[7; 2000]).await.unwrap();
            answer_early_to(&mut server).await;
            drop(server);
            tokio::task::yield_now().await;
            let mut sent = 0;
            while sent < 100 && client.write_all(&[7; 64 << 10]).await.is_ok() {
                sent += 1;
            }
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            heard
        };
        let (moved, heard) =
            timeout(SOON, async { tokio::join!(relay, peers) }).await.expect("it hangs");
        assert_eq!(moved.expect_err("the server is gone").kind(), ErrorKind::ConnectionReset);
        assert_eq!(heard, b"I have had enough");
        assert_eq!(pool.leased(), 0);
    }
}

async fn answer_early_to(server: &mut TcpStream) {
    server.read_exact(&mut [0; 1000]).await.unwrap();
    server.write_all(b"I have had enough").await.unwrap();
}

// ---- one direction and the other
// ---------------------------------------------------------------------------------------

#[tokio::test]
async fn a_side_that_takes_nothing_more_is_heard_to_the_end() {
    let pool = Pool::new(8 << 20).unwrap();
    for last in [Last::End, Last::Error(ErrorKind::ConnectionReset), Last::Error(ErrorKind::Other)]
    {
        for is_a in [true, false] {
            for sent in [&b"much"[..], b""] {
                let (mut client, near) = duplex(1 << 10);
                client.write_all(sent).await.unwrap();
                let broken = Broken::new([&b"one "[..], b"two "], last)
                    .failing_to_write(ErrorKind::BrokenPipe);
                let talk = async {
                    let mut heard = vec![0; 8];
                    client.read_exact(&mut heard).await.unwrap();
                    client.write_all(b"and more").await.unwrap();
                    client.shutdown().await.unwrap();
                    heard
                };
                let (moved, heard, counts) = if is_a {
                    let mut relay = Relay::new(broken, near, &pool);
                    let (moved, heard) =
                        timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
                    (moved, heard, (relay.b_to_a(), relay.a_to_b()))
                } else {
                    let mut relay = Relay::new(near, broken, &pool);
                    let (moved, heard) =
                        timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
                    (moved, heard, (relay.a_to_b(), relay.b_to_a()))
                };
                assert_eq!((&heard[..], counts), (&b"one two "[..], (0, 8)));
                let kind = moved.expect_err("one direction has failed").kind();
                match last {
                    // Which of the two is first depends on who polls first.
                    Last::Error(read) => {
                        assert!(kind == read || kind == ErrorKind::BrokenPipe, "{kind:?}")
                    }
                    _ => assert_eq!(kind, ErrorKind::BrokenPipe),
                }
                assert_eq!(pool.leased(), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_failed_read_stops_its_direction_only() {
    let pool = Pool::new(8 << 20).unwrap();
    let (mut server, near) = duplex(1 << 10);
    let broken = Broken::new([&b"hello"[..]], Last::Error(ErrorKind::InvalidData));
    let mut relay = Relay::new(broken, near, &pool);
    let talk = async {
        server.read_exact(&mut [0; 5]).await.unwrap();
        for part in ["a ", "long ", "answer"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.write_all(part.as_bytes()).await.unwrap();
        }
        server.shutdown().await.unwrap();
    };
    let (moved, ()) = timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!((relay.a_to_b(), relay.b_to_a()), (5, 13));
    assert_eq!(relay.into_inner().0.written, b"a long answer");
    assert_eq!(pool.leased(), 0);
}

/// What had arrived for a side that is gone is offered to it, however many turns that takes; no
/// more is waited for.
#[tokio::test]
async fn all_that_had_arrived_is_written_to_a_side_that_was_reset() {
    let pool = Pool::new(8 << 20).unwrap();
    let piece = vec![7; 10_000];
    for count in [0, 1, 50, 300] {
        let reset = Broken::new([], Last::Error(ErrorKind::ConnectionReset));
        let silent = Broken::new(std::iter::repeat_n(&piece[..], count), Last::Silence);
        let mut relay = Relay::new(reset, silent, &pool).linger_timeout(Duration::from_secs(3600));
        let moved = timeout(SOON, &mut relay).await.expect("it waits for more");
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!((relay.a_to_b(), relay.b_to_a()), (0, 10_000 * count as u64));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_relay_that_fails_may_be_cancelled_at_every_poll() {
    let pool = Pool::new(8 << 20).unwrap();
    for is_a in [true, false] {
        let (client, near) = duplex(100);
        let broken = Broken::new([&[1; 5000][..], &[2; 5000]], Last::End)
            .failing_to_write(ErrorKind::BrokenPipe);
        let (mut reader, mut writer) = tokio::io::split(client);
        let talk = tokio::spawn(async move {
            let upload = async {
                writer.write_all(&[7; 20_000]).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let mut heard = Vec::new();
            let (_, read) = tokio::join!(upload, reader.read_to_end(&mut heard));
            read.map(|_| heard)
        });
        let kind = if is_a {
            interrupted(Relay::new(broken, near, &pool)).await
        } else {
            interrupted(Relay::new(near, broken, &pool)).await
        };
        assert_eq!(kind, ErrorKind::BrokenPipe);
        assert_eq!(talk.await.unwrap().unwrap(), [[1; 5000], [2; 5000]].concat());
    }
    assert_eq!(pool.leased(), 0);
}

/// Polls a relay once at a time, each time as another future that is dropped; says what it failed
/// with.
async fn interrupted<A, B>(mut relay: Relay<A, B>) -> ErrorKind
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let polling = async {
        loop {
            tokio::select! {
                biased;
                moved = &mut relay => return moved,
                () = tokio::task::yield_now() => {}
            }
        }
    };
    timeout(SOON, polling).await.expect("it hangs").unwrap_err().kind()
}

#[tokio::test]
async fn only_an_end_is_passed_on_as_one() {
    let pool = Pool::new(8 << 20).unwrap();
    for (last, shutdowns) in [(Last::End, 1), (Last::Error(ErrorKind::UnexpectedEof), 0)] {
        let a = Broken::new([&b"half of it"[..]], last);
        let b = Broken::new([], Last::End);
        let mut relay = Relay::new(a, b, &pool);
        let moved = timeout(SOON, &mut relay).await.unwrap();
        assert_eq!(moved.is_ok(), last == Last::End);
        let (_, b) = relay.into_inner();
        assert_eq!((&b.written[..], b.shutdowns), (&b"half of it"[..], shutdowns));
        assert!(b.flushes + b.shutdowns > 0, "what came before is sent");
    }
    assert_eq!(pool.leased(), 0);
}

/// A bare socket is told that nothing follows: its peer ends, and the relay with it.
#[tokio::test]
async fn a_reset_is_passed_on_to_a_socket_before_the_relay_ends() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
    let mut relay = Relay::new(inbound, outbound, &pool);
    let talk = async move {
        client.write_all(b"last words").await.unwrap();
        server.read_exact(&mut [0; 10]).await.unwrap();
        client.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    };
    let both = async { tokio::join!(&mut relay, talk) };
    let begun = Instant::now();
    let (moved, ()) = timeout(SOON, both).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((relay.a_to_b(), relay.b_to_a()), (10, 0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_copy_of_trait_objects_is_one_as_well() {
    trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}
    impl<T: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for T {}
    let pool = Pool::new(8 << 20).unwrap();
    let mut a: Box<dyn ReadWrite> = Box::new(Broken::new([&b"there"[..]], Last::End));
    let mut b: Box<dyn ReadWrite> = Box::new(Broken::new([&b"and back"[..]], Last::End));
    assert_eq!(tokio::io::copy_bidirectional(&mut *a, &mut *b).await.unwrap(), (5, 8));
    let mut a: Box<dyn ReadWrite> = Box::new(Broken::new([&b"there"[..]], Last::End));
    let mut b: Box<dyn ReadWrite> = Box::new(Broken::new([&b"and back"[..]], Last::End));
    assert_eq!(copy_bidirectional(&mut *a, &mut *b, &pool).await.unwrap(), (5, 8));
    assert_eq!(pool.leased(), 0);
}

// ---- deadlines
// ---------------------------------------------------------------------------------------------------------

/// How the relay ends, and after how long.
async fn timed<A, B>(relay: &mut Relay<A, B>) -> (io::Result<(u64, u64)>, Duration)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let begun = tokio::time::Instant::now();
    let moved = timeout(Duration::from_secs(86_400), relay).await.expect("it hangs");
    (moved, begun.elapsed())
}

fn assert_about(passed: Duration, expected: Duration) {
    assert!(
        expected <= passed && passed < expected + Duration::from_millis(20),
        "{passed:?} for {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_direction_that_is_silent_after_the_other_has_failed_is_ended() {
    let pool = Pool::new(8 << 20).unwrap();
    for (set, expected) in [(None, 10), (Some(3), 3)] {
        let (_server, near) = duplex(1 << 10);
        let broken = Broken::new([], Last::Error(ErrorKind::InvalidData));
        let mut relay = Relay::new(broken, near, &pool);
        if let Some(secs) = set {
            relay = relay.linger_timeout(Duration::from_secs(secs));
        }
        let (moved, passed) = timed(&mut relay).await;
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_about(passed, Duration::from_secs(expected));
    }
    assert_eq!(pool.leased(), 0);
}

/// Sends for ever, and takes all.
struct Endless {
    pace: Option<tokio::time::Interval>,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(pace) = &mut self.pace {
            std::task::ready!(pace.poll_tick(cx));
        }
        let len = buf.remaining();
        buf.initialize_unfilled();
        buf.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_side_that_sends_on_is_not_read_for_ever() {
    let pool = Pool::new(8 << 20).unwrap();
    let gone = || Broken::new([&b"enough"[..]], Last::End).failing_to_write(ErrorKind::BrokenPipe);
    let slow = Endless { pace: Some(tokio::time::interval(Duration::from_millis(100))) };
    let mut relay = Relay::new(slow, gone(), &pool);
    let (moved, passed) = timed(&mut relay).await;
    assert_eq!((moved.unwrap_err().kind(), relay.b_to_a()), (ErrorKind::BrokenPipe, 6));
    assert_about(passed, Duration::from_secs(10));

    let mut relay = Relay::new(Endless { pace: None }, gone(), &pool);
    let mut polls = 0;
    let (moved, passed) = {
        let mut polled = Box::pin(timed(&mut relay));
        poll_fn(|cx| {
            polls += 1;
            polled.as_mut().poll(cx)
        })
        .await
    };
    assert_eq!((moved.unwrap_err().kind(), relay.b_to_a()), (ErrorKind::BrokenPipe, 6));
    assert_eq!(passed, Duration::ZERO, "the number of bytes ends it");
    assert!(polls > 100, "others run in between: {polls} polls");
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_tunnel_that_was_silent_ends_with_a_reset_at_once() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (tcp_pair().await, tcp_pair().await);
    let mut relay =
        Relay::new(inbound, outbound, &pool).linger_timeout(Duration::from_millis(1500));
    let talk = async {
        client.write_all(b"hello").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1600)).await; // all that was written has arrived long ago
        client.set_zero_linger().unwrap();
        drop(client);
        Instant::now()
    };
    let (moved, reset) = timeout(SOON, async { tokio::join!(&mut relay, talk) }).await.unwrap();
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(reset.elapsed() < Duration::from_millis(1000), "{:?}", reset.elapsed());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_relay_ends_when_it_is_told_to() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, mut server)) = (duplex(64), duplex(64));
    let mut relay = Relay::new(inbound, outbound, &pool).idle_timeout(Duration::from_secs(60));
    let talk = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            client.write_all(b"?").await.unwrap();
            server.read_u8().await.unwrap();
            tokio::time::sleep(Duration::from_secs(50)).await;
            server.write_all(b"!").await.unwrap();
            client.read_u8().await.unwrap();
            assert_eq!(pool.leased(), 0);
        }
    };
    let ((moved, passed), ()) = tokio::join!(timed(&mut relay), talk);
    let error = moved.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "no byte in either direction for 60s (idle_timeout)");
    assert_about(passed, Duration::from_secs(560));
    assert_eq!((relay.a_to_b(), relay.b_to_a(), pool.leased()), (5, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_half_open_relay_ends_when_it_is_told_to() {
    let pool = Pool::new(8 << 20).unwrap();
    for (idle, is_client_first) in [(false, true), (false, false), (true, true), (true, false)] {
        let ((mut first, near), (far, mut second)) = (duplex(64), duplex(64));
        let (a, b) = if is_client_first { (near, far) } else { (far, near) };
        let mut relay = Relay::new(a, b, &pool).half_open_timeout(Duration::from_secs(5));
        if idle {
            relay = relay.idle_timeout(Duration::from_secs(3600));
        }
        let talk = async {
            tokio::time::sleep(Duration::from_secs(1000)).await; // both are open
            first.shutdown().await.unwrap();
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                second.write_all(b"!").await.unwrap();
            }
        };
        let ((moved, passed), ()) = tokio::join!(timed(&mut relay), talk);
        let error = moved.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let expected =
            "one direction has ended, and the other has no byte for 5s (half_open_timeout)";
        assert_eq!(error.to_string(), expected);
        assert_about(passed, Duration::from_secs(1017));
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_timeouts_a_relay_waits_for_ever() {
    let pool = Pool::new(8 << 20).unwrap();
    let ((mut client, inbound), (outbound, _server)) = (duplex(64), duplex(64));
    let mut relay = Relay::new(inbound, outbound, &pool);
    assert!(timeout(Duration::from_secs(1_000_000), &mut relay).await.is_err());
    client.shutdown().await.unwrap();
    assert!(timeout(Duration::from_secs(1_000_000), &mut relay).await.is_err());
    assert_eq!(pool.leased(), 0);
}
