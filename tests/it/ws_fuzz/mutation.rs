//! What goes wrong with a stream.

use rand::{RngExt, rngs::SmallRng};

/// Breaks most streams somewhere, in the first bytes more often than in others, for there are
/// heads; some stay as they are.
pub(crate) fn mutate(bytes: &mut Vec<u8>, dice: &mut SmallRng) {
    while dice.random_ratio(2, 5) && !bytes.is_empty() {
        let end = if dice.random() { bytes.len() } else { bytes.len().min(16) };
        let at = dice.random_range(0..end);
        match dice.random_range(0..7) {
            0 => bytes[at] ^= 1 << dice.random_range(0..8),
            1 => bytes[at] = dice.random(),
            2 => bytes[at] = [0, 0x7e, 0x7f, 0xfe, 0xff, 0x80, 0x88, 0x89][dice.random_range(0..8)],
            3 => drop(bytes.remove(at)),
            4 => bytes.insert(at, dice.random()),
            5 => bytes.truncate(at),
            _ => {
                let end = dice.random_range(at..bytes.len().min(at + 40));
                let doubled = bytes[at..=end].to_vec();
                bytes.splice(at..at, doubled);
            }
        }
    }
}
