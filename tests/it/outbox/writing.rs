//! What reaches the peer: order, content, calls; and when the blocks go home.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use leasehold::{
    Chain,
    io::{Outbox, Policy, limit_unsent},
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_test::{assert_pending, assert_ready_ok, task};

use super::{SEGMENT, item, pool, running, wire::Wire};

#[test]
fn many_items_go_into_one_call_up_to_64_segments() {
    let pool = pool();
    let wire = Wire::new();
    let (outbox, writer) = Outbox::channel(64 << 10);
    for _ in 0..50 {
        let mut chain = item(&pool, b'a', 10);
        chain.push("bc");
        outbox.try_send(chain).unwrap();
    }
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().slices, [64, 36]);
    assert_eq!(wire.lock().written, b"aaaaaaaaaabc".repeat(50));
    (0..200).for_each(|_| outbox.try_send(item(&pool, b'a', 10)).unwrap());
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().slices[2..], [64, 64, 64, 8]);
    outbox.try_send((0..100).map(|_| Bytes::from_static(b"x")).collect::<Chain>()).unwrap();
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().slices[6..], [64, 36]);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[test]
fn items_are_gathered_for_a_transport_that_takes_one_slice_a_call() {
    let pool = pool();
    let wire = Wire::new();
    wire.lock().is_vectored = false;
    let (outbox, writer) = Outbox::channel(64 << 10);
    (0..50).for_each(|_| outbox.try_send(item(&pool, b'a', 100)).unwrap());
    let mut writer = running(writer, &wire);
    assert_pending!(writer.poll());
    assert_eq!(wire.lock().slices, [1]);
    assert_eq!(wire.lock().written, [b'a'; 5000]);
    assert_eq!(pool.leased(), 0);
}

#[test]
fn a_transport_of_one_byte_a_call_gets_all_of_them_in_order() {
    let pool = pool();
    for is_vectored in [false, true] {
        let wire = Wire::new();
        {
            let mut state = wire.lock();
            (state.call_max, state.is_vectored) = (1, is_vectored);
        }
        let (outbox, writer) = Outbox::channel(64 << 10);
        let mut expected = Vec::new();
        for fill in 0..100 {
            let mut chain = item(&pool, fill, 1 + usize::from(fill) % 3);
            chain.push("..");
            expected.extend(chain.to_vec());
            outbox.try_send(chain).unwrap();
        }
        let mut writer = running(writer, &wire);
        assert_pending!(writer.poll());
        assert!(wire.lock().written == expected);
        assert_eq!((outbox.queued(), pool.leased()), (0, 0));
    }
}

#[test]
fn blocks_go_home_and_room_comes_back_byte_by_byte() {
    let pool = pool();
    let wire = Wire::with_room(0);
    let (outbox, writer) = Outbox::channel(64 << 10);
    let mut writer = running(writer, &wire);
    for len in [1000, 4000, 1000] {
        outbox.try_send(item(&pool, b'a', len)).unwrap();
    }
    let all = pool.leased();
    assert_pending!(writer.poll());
    assert_eq!((outbox.queued(), pool.leased()), (6000 + 3 * SEGMENT, all));
    for (room, queued, leased) in [
        (999, 5001 + 3 * SEGMENT, all),
        (1, 5000 + 2 * SEGMENT, all - 1024),
        (3999, 1001 + 2 * SEGMENT, all - 1024),
        (2, 999 + SEGMENT, 1024),
        (999, 0, 0),
    ] {
        wire.give(room);
        assert_pending!(writer.poll());
        assert_eq!((outbox.queued(), pool.leased()), (queued, leased));
    }
}

#[test]
fn a_run_that_is_dropped_goes_on_where_it_was() {
    let pool = pool();
    let (outbox, mut writer) = Outbox::channel(64 << 10);
    let mut wire = Wire::with_room(0);
    (b'a'..b'e').for_each(|fill| outbox.try_send(item(&pool, fill, 25)).unwrap());
    for _ in 0..100 {
        assert_pending!(task::spawn(writer.run(&mut wire)).poll());
        wire.give(1);
    }
    drop(outbox);
    assert_ready_ok!(task::spawn(writer.run(&mut wire)).poll());
    assert_eq!(wire.lock().written, [[b'a'; 25], [b'b'; 25], [b'c'; 25], [b'd'; 25]].concat());
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_peer_that_stops_reading_holds_no_more_than_the_limit() {
    let pool = pool();
    let (mut near, mut far) = tokio::io::duplex(1 << 10);
    let (outbox, mut writer) = Outbox::channel(16 << 10);
    let connection = tokio::spawn(async move { writer.run(&mut near).await });
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(20), outbox.send(item(&pool, b'a', 1024)))
        .await
        .is_ok()
    {
        sent += 1;
    }
    assert_eq!(sent, (16 << 10) / (1024 + SEGMENT));
    // The pipe has taken one of them; that is not low enough to wake anybody.
    assert_eq!(outbox.queued(), (sent - 1) * (1024 + SEGMENT));
    assert_eq!(pool.leased(), (sent - 1) * 1024);
    outbox.close();
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), sent * 1024);
    connection.await.unwrap().unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_many_senders_arrive_whole_and_each_senders_in_order() {
    const SENDERS: u8 = 8;
    const ITEMS: u32 = 300;
    let pool = pool();
    let (mut near, mut far) = tokio::io::duplex(3000);
    let (outbox, mut writer) = Outbox::channel(4 << 10);
    let connection = tokio::spawn(async move { writer.run(&mut near).await });
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (outbox, pool) = (outbox.clone(), pool.clone());
        senders.spawn(async move {
            for number in 0..ITEMS {
                let len = (number * 37 % 900) as usize;
                let mut chain = pool.chain(len + 7).await.unwrap();
                chain.put_u8(sender);
                chain.put_u32(number);
                chain.put_u16(len as u16);
                chain.put_bytes(sender, len);
                outbox.send(chain.freeze()).await.unwrap();
                assert!(outbox.queued() <= 4 << 10);
            }
            outbox.flush().await.unwrap();
        });
    }
    drop(outbox);
    let reader = tokio::spawn(async move {
        let mut next = [0; SENDERS as usize];
        for _ in 0..u32::from(SENDERS) * ITEMS {
            let mut head = [0; 7];
            far.read_exact(&mut head).await.unwrap();
            let mut head = &head[..];
            let (sender, number, len) = (head.get_u8(), head.get_u32(), head.get_u16());
            let mut body = vec![0; len.into()];
            far.read_exact(&mut body).await.unwrap();
            assert!(body.iter().all(|&byte| byte == sender));
            assert_eq!(number, next[usize::from(sender)]);
            next[usize::from(sender)] += 1;
        }
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    });
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    connection.await.unwrap().unwrap();
    reader.await.unwrap();
    assert_eq!(pool.leased(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_gives_way_between_threads_is_missing_as_a_whole() {
    const SENDERS: u8 = 4;
    const ITEMS: usize = 3000;
    let pool = pool();
    let (mut near, mut far) = tokio::io::duplex(500);
    let (outbox, mut writer) =
        Outbox::builder().max_queued(2000).policy(Policy::DropOldest).channel();
    let connection = tokio::spawn(async move { writer.run(&mut near).await });
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (outbox, pool) = (outbox.clone(), pool.clone());
        senders.spawn(async move {
            let mut refused = 0;
            for number in 0..ITEMS {
                let sent = outbox.try_send(item(&pool, sender, 100 + usize::from(sender)));
                refused += usize::from(sent.is_err());
                assert!(outbox.queued() <= 2000);
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            refused
        });
    }
    let reader = tokio::spawn(async move {
        let mut count = 0;
        let mut head = [0];
        while far.read(&mut head).await.unwrap() > 0 {
            let mut rest = vec![0; 99 + usize::from(head[0])];
            far.read_exact(&mut rest).await.unwrap();
            assert!(rest.iter().all(|byte| *byte == head[0]));
            count += 1;
        }
        count
    });
    let mut refused = 0;
    while let Some(sender) = senders.join_next().await {
        refused += sender.unwrap();
    }
    outbox.flush().await.unwrap();
    outbox.close();
    connection.await.unwrap().unwrap();
    let got: usize = reader.await.unwrap();
    assert_eq!(got + refused + outbox.dropped_count() as usize, usize::from(SENDERS) * ITEMS);
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

#[tokio::test]
async fn a_socket_whose_peer_reads_late_gets_everything() {
    let pool = pool();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (mut near, (mut far, _)) = (near.unwrap(), far.unwrap());
    limit_unsent(&near, 128 << 10).unwrap();
    let (outbox, mut writer) = Outbox::channel(64 << 10);
    let connection = tokio::spawn(async move { writer.run(&mut near).await });
    let producer = tokio::spawn({
        let (pool, outbox) = (pool.clone(), outbox.clone());
        async move {
            for number in 0..2000u32 {
                let mut chain: Chain = item(&pool, number as u8, 4096);
                chain.push("end");
                outbox.send(chain).await.unwrap();
                assert!(pool.leased() <= (64 << 10) + 4096);
            }
            outbox.close();
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), 2000 * 4099);
    for (item, number) in got.chunks(4099).zip(0u32..) {
        assert!(item[..4096].iter().all(|&byte| byte == number as u8) && &item[4096..] == b"end");
    }
    producer.await.unwrap();
    connection.await.unwrap().unwrap();
    assert_eq!(pool.leased(), 0);
}
