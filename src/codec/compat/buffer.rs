//! `Buffer`: a `BytesMut` that exists while it has bytes, and is charged to an account.
//!
//! # Invariants
//! - CHARGED: after `poll_room` and `settle` the charge is at least the capacity that the buffer had since it was made.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;

use crate::pool::{LeaseError, Pool, Reservation, Reserve};

/// Bytes that use less than one part in so many of their buffer move to a smaller one before a wait (NO-PIN).
const SPARSE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) bytes: BytesMut,
    charge: Reservation,
    wait: Option<Box<Reserve>>,
}

impl Buffer {
    /// A buffer with bytes from elsewhere; charged when it is next used.
    pub(super) fn new(bytes: BytesMut) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Makes room for at least one byte, in a buffer of at least `capacity`; waits until it can be charged.
    pub(super) fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        pool: Option<&Pool>,
        capacity: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let wanted = self.bytes.capacity().max(capacity).max(self.bytes.len() + 1);
        if let Some(pool) = pool {
            ready!(self.poll_charge(cx, pool, wanted))?;
        }
        self.bytes.reserve(wanted - self.bytes.len());
        Poll::Ready(self.settle(pool))
    }

    /// Charges what a codec has made the buffer grow by.
    pub(super) fn settle(&mut self, pool: Option<&Pool>) -> Result<(), LeaseError> {
        let Some(pool) = pool else { return Ok(()) };
        while let Some(missing) = self.missing(pool, self.bytes.capacity()) {
            self.charge.absorb(pool.try_reserve(missing)?);
        }
        Ok(())
    }

    /// Waits until `wanted` bytes are charged.
    fn poll_charge(&mut self, cx: &mut Context<'_>, pool: &Pool, wanted: usize) -> Poll<Result<(), LeaseError>> {
        while let Some(missing) = self.missing(pool, wanted) {
            let wait = self.wait.get_or_insert_with(|| Box::new(pool.reserve(missing)));
            let reserved = ready!(Pin::new(&mut **wait).poll(cx));
            self.wait = None;
            self.charge.absorb(reserved?);
        }
        Poll::Ready(Ok(()))
    }

    /// What is still to be charged for `wanted` bytes: not more at once than the pool lets anybody wait for.
    fn missing(&self, pool: &Pool, wanted: usize) -> Option<usize> {
        let missing = wanted.saturating_sub(self.charge.len());
        (missing > 0).then(|| missing.min(pool.budget() / 4))
    }

    /// Nothing more to do with it for now: an empty buffer goes, and few bytes move out of a large one.
    pub(super) fn park(&mut self, capacity: usize) {
        let held = self.charge.len().max(self.bytes.capacity());
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.charge = Reservation::empty();
        } else if held > capacity && self.bytes.len() < held / SPARSE {
            let mut small = BytesMut::with_capacity(capacity.max(self.bytes.len()));
            small.extend_from_slice(&self.bytes);
            self.bytes = small;
            self.charge.shrink_to(self.bytes.capacity());
        }
    }
}
