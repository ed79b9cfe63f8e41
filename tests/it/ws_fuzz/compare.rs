//! The judge: both readers, and in what they may differ.

use leasehold::{Pool, ws::Role};

use super::{difference::Difference, ours, theirs};

/// Frames and messages that are longer are refused by both.
pub(crate) const LEN_MAX: usize = 200_000;

/// What they differ in; none if they agree.
///
/// # Panics
/// If they differ in something else.
pub(crate) async fn compare(
    role: Role,
    bytes: &[u8],
    cut: usize,
    pool: &Pool,
) -> Option<Difference> {
    let (ours, theirs) = (ours::read(role, bytes, cut, pool).await, theirs::read(role, bytes, cut));
    assert_eq!(pool.leased(), 0, "{role:?} cut at {cut}: {}", hex(bytes));
    if ours == theirs {
        return None;
    }
    let difference = Difference::between(&ours, &theirs);
    Some(difference.unwrap_or_else(|| {
        panic!("{role:?} cut at {cut}: {}\nours:   {ours:?}\ntheirs: {theirs:?}", hex(bytes));
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
