//! Streams of frames: valid ones, but for a length now and then.

use leasehold::ws::Role;
use rand::{RngExt, rngs::SmallRng};

const FIN: u8 = 0x80;

/// A few messages, to a peer of this role; most streams end in a close frame.
pub(crate) fn frames(role: Role, dice: &mut SmallRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..dice.random_range(0..6) {
        let (opcode, payload) = if dice.random() { (1, text(dice)) } else { (2, binary(dice)) };
        let mut pieces = vec![&payload[..]];
        // One that is cut in two is cut at any byte.
        while dice.random_ratio(1, 3) {
            let last = pieces.pop().expect("there is one");
            let (front, back) = last.split_at(dice.random_range(0..=last.len()));
            pieces.extend([front, back]);
        }
        let count = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            let fin = if index + 1 == count { FIN } else { 0 };
            push(&mut bytes, fin | if index == 0 { opcode } else { 0 }, piece, role, dice);
            if dice.random_ratio(1, 4) {
                let payload: Vec<u8> =
                    (0..dice.random_range(0..=125)).map(|_| dice.random()).collect();
                push(&mut bytes, FIN | if dice.random() { 9 } else { 10 }, &payload, role, dice);
            }
        }
    }
    if dice.random_ratio(4, 5) {
        let payload = close(dice);
        push(&mut bytes, FIN | 8, &payload, role, dice);
    }
    bytes
}

fn len(dice: &mut SmallRng) -> usize {
    match dice.random_range(0..40) {
        0 => [125, 126, 127, 65_535, 65_536][dice.random_range(0..5)],
        1 => dice.random_range(126..5_000),
        _ => dice.random_range(0..40),
    }
}

fn binary(dice: &mut SmallRng) -> Vec<u8> {
    let mut payload = vec![0; len(dice)];
    dice.fill(&mut payload[..]);
    payload
}

fn text(dice: &mut SmallRng) -> Vec<u8> {
    let len = len(dice);
    let mut text = String::new();
    while text.len() < len {
        text.push(['a', '\u{e4}', '\u{20ac}', '\u{10348}', dice.random()][dice.random_range(0..5)]);
    }
    text.into_bytes()
}

fn close(dice: &mut SmallRng) -> Vec<u8> {
    if dice.random_ratio(1, 4) {
        return Vec::new();
    }
    let code: u16 = match dice.random_range(0..8) {
        0 => dice.random_range(995..1_020),
        1 => dice.random(),
        _ => [1000, 1001, 1011, 3000, 4999][dice.random_range(0..5)],
    };
    [&code.to_be_bytes()[..], &text(dice)]
        .concat()
        .into_iter()
        .take(dice.random_range(2..=125))
        .collect()
}

fn push(bytes: &mut Vec<u8>, first: u8, payload: &[u8], role: Role, dice: &mut SmallRng) {
    let mask: Option<[u8; 4]> = (role == Role::Server).then(|| dice.random());
    let masked = if mask.is_some() { 0x80 } else { 0 };
    bytes.push(first);
    // Now and then in a longer form than is needed.
    let form = payload.len().max(if dice.random_ratio(1, 100) {
        [126, 0x1_0000][dice.random_range(0..2)]
    } else {
        0
    });
    match form {
        0..126 => bytes.push(masked | payload.len() as u8),
        126..0x1_0000 => {
            bytes.push(masked | 126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.iter().flatten());
    let key = mask.unwrap_or_default();
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
}
