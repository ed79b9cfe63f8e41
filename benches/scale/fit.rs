//! How many connections a server may have.

use crate::machine;

/// How many connections are tried first.
pub(crate) const TRIED: usize = 50;

/// How many connections fit into half of the memory that is free now, at `bytes_each`. The result
/// is at most `wanted`.
pub(crate) fn connections(bytes_each: f64, wanted: usize) -> anyhow::Result<usize> {
    let room = machine::memory_available()? as f64 / 2.0;
    let fitting = room / bytes_each.max(1.0);
    Ok(if fitting < wanted as f64 { (fitting as usize).max(1) } else { wanted })
}
