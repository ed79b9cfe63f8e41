//! Limits of the settings: each is met exactly, and passed with its close code on the wire.

use std::{sync::Arc, time::Duration};

use leasehold::{
    Pool,
    ws::{Config, Message, Role, WebSocket},
};

use crate::ws::{
    ROLES,
    frame::{BINARY, CLOSE, Frame, wire},
    pool, socket,
    transport::{Faulty, once, pattern},
};

/// Receives messages until one is refused: how many came, and the code that it was refused with.
async fn received(
    role: Role,
    config: &Config,
    frames: impl IntoIterator<Item = Frame>,
    pool: &Pool,
) -> (usize, u16) {
    let bytes = wire(frames.into_iter().map(|frame| frame.to(role)));
    let io = Faulty::new(bytes).cut(1_000).staying_open();
    let mut socket = WebSocket::with_config(io, role, pool, Arc::new(config.clone()));
    let mut count = 0;
    let code = loop {
        let Some(message) = once_ready(&mut socket).await else { break 0 };
        match message {
            Ok(_) => count += 1,
            Err(error) => {
                assert!(error.is_over_limit(), "{error}");
                let sent = Frame::parse_all(socket.get_ref().sent());
                let closes: Vec<_> = sent.iter().filter(|frame| frame.opcode() == CLOSE).collect();
                let [close] = closes[..] else { panic!("{sent:?}") };
                assert_eq!(close.close_code(), error.close_code().map(|code| code.get()));
                break close.close_code().unwrap();
            }
        }
    };
    assert_eq!(pool.leased(), 0);
    (count, code)
}

async fn once_ready(
    socket: &mut WebSocket<Faulty>,
) -> Option<Result<Message, leasehold::ws::Error>> {
    match once(socket.recv()).await {
        std::task::Poll::Ready(message) => Some(message.expect("it stays open")),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_frame_has_at_most_so_many_bytes() {
    let pool = pool();
    let config = Config::new().max_frame_size(5_000);
    for role in ROLES {
        let max = || Frame::binary(pattern(5_000));
        assert_eq!(received(role, &config, [max(), max()], &pool).await, (2, 0));
        assert_eq!(
            received(role, &config, [max(), Frame::binary(pattern(5_001))], &pool).await,
            (1, 1009)
        );
        assert_eq!(
            received(role, &config, [max().begun(), Frame::continuation(pattern(5_001))], &pool)
                .await,
            (0, 1009)
        );
    }
}

#[tokio::test]
async fn a_message_has_at_most_so_many_bytes() {
    let pool = pool();
    let config = Config::new().max_message_size(5_000);
    for role in ROLES {
        let halves = |first, second| {
            [Frame::binary(pattern(first)).begun(), Frame::continuation(pattern(second))]
        };
        assert_eq!(received(role, &config, [Frame::binary(pattern(5_000))], &pool).await, (1, 0));
        assert_eq!(received(role, &config, halves(2_500, 2_500), &pool).await, (1, 0));
        assert_eq!(received(role, &config, halves(2_500, 2_501), &pool).await, (0, 1009));
        assert_eq!(received(role, &config, halves(5_001, 0), &pool).await, (0, 1009));
        // Controls are no part of it.
        let [first, second] = halves(2_500, 2_500);
        assert_eq!(
            received(role, &config, [first, Frame::ping("between"), second], &pool).await,
            (2, 0)
        );
    }
}

#[tokio::test]
async fn a_message_has_at_most_so_many_frames() {
    let pool = pool();
    for role in ROLES {
        for len in [0, 1, 600] {
            let config = Config::new().max_fragments(10);
            let bytes = vec![7; len];
            let fragments = |count| {
                let pieces: Vec<&[u8]> = vec![&bytes; count];
                Frame::fragments(BINARY, pieces.into_iter(), role).collect::<Vec<_>>()
            };
            let two = [fragments(10), fragments(10)].concat();
            assert_eq!(
                received(role, &config, two, &pool).await,
                (2, 0),
                "a message of its own has a count of its own"
            );
            assert_eq!(received(role, &config, fragments(11), &pool).await, (0, 1008));
            // It is refused when it is known that more will come.
            assert_eq!(
                received(role, &config, fragments(11)[..10].to_vec(), &pool).await,
                (0, 1008)
            );
        }
    }
}

#[tokio::test]
async fn a_peer_sends_at_most_so_many_control_frames_a_second() {
    let pool = pool();
    let config = Config::new().max_controls(20);
    let controls = |count: usize| {
        (0..count)
            .flat_map(|index| [Frame::text("data"), Frame::new([0x9, 0xa][index % 2], "control")])
    };
    for role in ROLES {
        assert_eq!(received(role, &config, controls(20), &pool).await, (40, 0));
        assert_eq!(received(role, &config, controls(21), &pool).await, (41, 1008));
    }
    let io = Faulty::new([]).staying_open();
    let mut socket = WebSocket::with_config(io, Role::Client, &pool, Arc::new(config));
    for _ in 0..2 {
        socket.get_mut().feed(&wire(controls(20)));
        for _ in 0..40 {
            socket.recv().await.unwrap().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1_010)).await;
    }
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn an_announced_length_leases_nothing() {
    let pool = pool();
    let head = |role, len: u64| {
        let masked = if role == Role::Server { &[0xff, 1, 2, 3, 4][..] } else { &[0x7f] };
        [&[0x82], &masked[..1], &len.to_be_bytes(), &masked[1..]].concat()
    };
    for role in ROLES {
        for len in [16 * 1024 * 1024 + 1, u64::MAX >> 1] {
            let mut socket = socket(role, Faulty::new(head(role, len)).staying_open(), &pool);
            let error = socket.recv().await.unwrap().unwrap_err();
            assert!(
                error.is_over_limit() && error.to_string().contains(&len.to_string()),
                "{error}"
            );
            assert_eq!(Frame::parse_all(socket.get_ref().sent())[0].close_code(), Some(1009));
        }
        // Nor where everything is taken.
        let config =
            Arc::new(Config::new().max_frame_size(usize::MAX).max_message_size(usize::MAX));
        let bytes = [head(role, (usize::MAX as u64).min(u64::MAX >> 1)), vec![0; 10]].concat();
        let mut socket =
            WebSocket::with_config(Faulty::new(bytes).staying_open(), role, &pool, config);
        assert!(once(socket.recv()).await.is_pending());
        assert!(pool.leased() <= 4 << 10, "{}", pool.leased());
        drop(socket);
        assert_eq!(pool.leased(), 0);
    }
    assert!(pool.peak() <= 8 << 10, "{}", pool.peak());
}
