//! A storm: most of the pool is wanted at once, by tasks that wait only a moment, and that end in
//! every way.

use std::{panic::panic_any, sync::Arc, thread, time::Duration};

use bytes::BufMut;
use leasehold::{Account, BlockMut};

use crate::{dice::Dice, house::House, order::OnPurpose, tally::Fault};

const LENS: [usize; 5] = [1 << 10, 20 << 10, 64 << 10, 256 << 10, 1 << 20];

/// Each of them is a multiple of this.
const PIECE_LEN: usize = 1 << 10;

/// One after the other, with a calm between them.
pub(crate) async fn rage(house: Arc<House>, mut dice: Dice) {
    while !house.closing_within(dice.millis(500..4000)).await {
        let tasks: Vec<_> = (0..dice.within(4..40))
            .map(|number| {
                let dice = Dice::new(dice.within(0..usize::MAX) as u64, number as u64);
                tokio::spawn(grab(Arc::clone(&house), dice))
            })
            .collect();
        for task in tasks {
            if dice.one_in(8) {
                tokio::time::sleep(dice.millis(0..10)).await;
                task.abort();
            }
            // It was aborted, or has panicked on purpose; other panics are counted elsewhere.
            let _ = task.await;
        }
    }
}

/// A block that the test has leased itself, and counts.
struct Grabbed {
    block: BlockMut,
    house: Arc<House>,
}

impl Grabbed {
    fn new(mut block: BlockMut, mark: u8, house: &Arc<House>) -> Self {
        house.tally.lease();
        let len = block.capacity();
        block.put_bytes(mark, len);
        Self { block, house: Arc::clone(house) }
    }
}

impl Drop for Grabbed {
    fn drop(&mut self) {
        self.house.tally.give_back();
    }
}

async fn grab(house: Arc<House>, mut dice: Dice) {
    let account = house.accounts.storm.account("grab", 8 << 20);
    let (mark, len) = (dice.within(1..256) as u8, dice.pick(LENS));
    let mut grabbed = Vec::new();
    for _ in 0..dice.within(1..12) {
        match account.lease_timeout(len, dice.millis(1..10)).await {
            Ok(block) => grabbed.push(Grabbed::new(block, mark, &house)),
            Err(error) if error.is_deadline_passed() => house.tally.fault(Fault::DeadlinePassed),
            // The account is full of what this task has, or the pool's limit was lowered.
            Err(_) => break,
        }
    }
    reserve(&account, &mut dice).await;
    tokio::time::sleep(dice.millis(1..300)).await;
    for held in &grabbed {
        // In large pieces: comparing byte by byte takes long where nothing is optimised.
        let is_whole = held.block.chunks(PIECE_LEN).all(|piece| piece == [mark; PIECE_LEN]);
        assert!(is_whole, "somebody else has written to a leased block");
    }
    match dice.within(0..4) {
        0 => {
            house.tally.fault(Fault::HandlerPanicked);
            panic_any(OnPurpose);
        }
        1 => {
            house.tally.fault(Fault::DroppedElsewhere);
            thread::spawn(move || drop(grabbed));
        }
        2 => {
            house.tally.fault(Fault::DroppedElsewhere);
            tokio::task::spawn_blocking(move || drop(grabbed));
        }
        _ => {}
    }
}

/// Room without a block, part of which is drawn on.
async fn reserve(account: &Account, dice: &mut Dice) {
    let len = dice.within(1..1 << 20);
    let Ok(reserved) = account.reserve_timeout(len, Duration::from_millis(10)).await else {
        return;
    };
    let credit = reserved.into_credit();
    let drawn = account.try_lease(len / 2);
    tokio::time::sleep(dice.millis(1..20)).await;
    drop((credit, drawn));
}
