//! What a server tells of itself.

use std::{fmt, ops::Sub, str::FromStr, time::Duration};

use anyhow::Context;
use leasehold::Pool;

use crate::{calls, heap};

/// A server's figures at one moment, or between two; all but the first since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Bytes that are out of the allocator.
    pub(crate) heap: f64,
    /// Bytes of the pool that are leased or reserved.
    pub(crate) leased: f64,
    /// Bytes that the pool has of the system.
    pub(crate) mapped: f64,
    /// How often memory was asked for.
    pub(crate) allocations: f64,
    /// Calls that read from sockets, and the bytes that they brought.
    pub(crate) reads: f64,
    pub(crate) read_bytes: f64,
    /// Calls that wrote to sockets, the slices that they were given, and the bytes that they took.
    pub(crate) writes: f64,
    pub(crate) write_slices: f64,
    pub(crate) written_bytes: f64,
    /// Seconds of the processor, in the system too.
    pub(crate) cpu: f64,
    /// Seconds of the clock.
    pub(crate) clock: f64,
}

impl Figures {
    /// Those of this process.
    pub(crate) fn here(pool: Option<&Pool>) -> Self {
        let stats = pool.map(Pool::stats).unwrap_or_default();
        let (received, sent) = (calls::received_in_all(), calls::sent_in_all());
        Self {
            heap: heap::live() as f64,
            leased: stats.leased as f64,
            mapped: stats.mapped as f64,
            allocations: heap::allocations() as f64,
            reads: received.calls as f64,
            read_bytes: received.bytes as f64,
            writes: sent.calls as f64,
            write_slices: sent.pieces as f64,
            written_bytes: sent.bytes as f64,
            cpu: time(libc::CLOCK_PROCESS_CPUTIME_ID).as_secs_f64(),
            clock: time(libc::CLOCK_MONOTONIC).as_secs_f64(),
        }
    }

    fn to_array(self) -> [f64; 11] {
        let Self {
            heap,
            leased,
            mapped,
            allocations,
            reads,
            read_bytes,
            writes,
            write_slices,
            written_bytes,
            cpu,
            clock,
        } = self;
        [
            heap,
            leased,
            mapped,
            allocations,
            reads,
            read_bytes,
            writes,
            write_slices,
            written_bytes,
            cpu,
            clock,
        ]
    }

    fn from_array(figures: [f64; 11]) -> Self {
        let [
            heap,
            leased,
            mapped,
            allocations,
            reads,
            read_bytes,
            writes,
            write_slices,
            written_bytes,
            cpu,
            clock,
        ] = figures;
        Self {
            heap,
            leased,
            mapped,
            allocations,
            reads,
            read_bytes,
            writes,
            write_slices,
            written_bytes,
            cpu,
            clock,
        }
    }
}

impl Sub for Figures {
    type Output = Self;

    /// What happened between two moments.
    fn sub(self, before: Self) -> Self {
        let (now, before) = (self.to_array(), before.to_array());
        Self::from_array(std::array::from_fn(|index| now[index] - before[index]))
    }
}

/// One line.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_array().map(|figure| figure.to_string()).join(" "))
    }
}

impl FromStr for Figures {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let figures: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self::from_array(figures.try_into().ok().context("a line of figures")?))
    }
}

/// What a clock of the system shows.
fn time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to what it is given.
    assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
