//! Random steps on an outbox, beside a plain list of what was accepted.

use std::{collections::VecDeque, task::Poll};

use leasehold::{
    Chain,
    io::{Outbox, Policy, SendError},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_test::task;

use super::{SEGMENT, Task, item, pool, running, wire::Wire};

type Sending<'a> = Task<'a, Result<(), SendError>>;

const HIGH: usize = 2000;

#[test]
fn random_steps_keep_the_bound_and_send_what_was_accepted() {
    for seed in 0..300 {
        for policy in [Policy::Wait, Policy::Refuse, Policy::DropOldest] {
            steps(seed, policy);
        }
    }
}

fn steps(seed: u64, policy: Policy) {
    let mut rng = StdRng::seed_from_u64(seed);
    let pool = pool();
    let wire = Wire::with_room(0);
    let max_items = rng.random_range(1..30);
    let (outbox, writer) =
        Outbox::builder().max_queued(HIGH).max_items(max_items).policy(policy).channel();
    let mut writer = running(writer, &wire);
    let mut number = 0u8;
    // In the order in which they were accepted, and those that wait.
    let mut accepted: Vec<Vec<u8>> = Vec::new();
    let mut sends: VecDeque<(Vec<u8>, Sending<'_>)> = VecDeque::new();
    let mut largest = 0;
    for _ in 0..200 {
        match rng.random_range(0..10) {
            0..4 => {
                let chain = random_item(&mut rng, &pool, &mut number);
                largest = largest.max(chain.len() + chain.segment_count() * SEGMENT);
                let bytes = chain.to_vec();
                let mut send: Sending<'_> = task::spawn(Box::pin(outbox.send(chain)));
                match send.poll() {
                    Poll::Ready(Ok(())) => accepted.push(bytes),
                    Poll::Ready(Err(error)) => {
                        assert!(error.is_full() && policy != Policy::Wait);
                        assert_eq!(error.into_inner(), *bytes);
                    }
                    Poll::Pending => {
                        assert!(policy == Policy::Wait);
                        sends.push_back((bytes, send));
                    }
                }
            }
            4..6 => {
                // Whoever was woken comes first in line.
                let woken = sends.iter().take_while(|(_, send)| send.is_woken()).count();
                assert_eq!(woken, sends.iter().filter(|(_, send)| send.is_woken()).count());
                for (bytes, mut send) in sends.drain(..woken) {
                    assert!(matches!(send.poll(), Poll::Ready(Ok(()))));
                    accepted.push(bytes);
                }
            }
            6 if !sends.is_empty() => {
                sends.remove(rng.random_range(0..sends.len()));
            }
            _ => {
                let room = rng.random_range(0..1500);
                wire.give(room);
                assert!(writer.poll().is_pending());
            }
        }
        assert!(outbox.queued() <= HIGH.max(largest), "BOUND");
    }
    while !sends.is_empty() {
        wire.give(100_000);
        assert!(writer.poll().is_pending());
        let (bytes, mut send) = sends.pop_front().unwrap();
        assert!(matches!(send.poll(), Poll::Ready(Ok(()))), "every wait ends");
        accepted.push(bytes);
    }
    wire.give(100_000);
    outbox.close();
    assert!(matches!(writer.poll(), Poll::Ready(Ok(()))));
    let mut accepted_count = 0;
    let mut left = &wire.lock().written[..];
    for bytes in &accepted {
        // What was dropped is missing, as a whole; numbers repeat only after more than were ever
        // queued.
        if let Some(rest) = left.strip_prefix(&bytes[..]) {
            (left, accepted_count) = (rest, accepted_count + 1);
        }
    }
    assert!(left.is_empty(), "seed {seed}, {policy:?}");
    assert_eq!((accepted.len() - accepted_count) as u64, outbox.dropped_count());
    assert_eq!((outbox.queued(), pool.leased()), (0, 0));
}

fn random_item(rng: &mut StdRng, pool: &leasehold::Pool, number: &mut u8) -> Chain {
    *number = number.wrapping_add(1);
    let len = match rng.random_range(0..20) {
        0 => rng.random_range(1..4000),
        _ => rng.random_range(1..400),
    };
    let mut chain = item(pool, *number, len);
    (0..rng.random_range(0..3))
        .for_each(|_| chain.push(item(pool, *number, 10).pop_front().unwrap()));
    chain
}
