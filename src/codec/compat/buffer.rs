//! `Buffer`: a `BytesMut` that exists while it has bytes, and is charged to an account.
//!
//! # Invariants
//! - CHARGED: whenever its user has returned, the charge is at least the capacity; bytes that were
//!   put here from outside excepted, until there is room for more of them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;

use crate::pool::{Account, LeaseError, Reservation, ReserveFuture};

/// Bytes that use less than one part in so many of their buffer move to a smaller one before a wait
/// (NO-PIN).
const SPARSE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) bytes: BytesMut,
    charge: Reservation,
    wait: Option<Box<ReserveFuture>>,
}

impl Buffer {
    /// A buffer with bytes from elsewhere; charged when it is next used.
    pub(super) fn new(bytes: BytesMut) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// The same bytes, charged to nobody yet.
    pub(super) fn uncharged(self) -> Self {
        Self::new(self.bytes)
    }

    /// Makes room for at least one byte, in a buffer of at least `capacity` if its account may have
    /// so much; waits until it can be charged.
    pub(super) fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        account: Option<&Account>,
        capacity: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let len = self.bytes.len();
        let grown = if len == self.bytes.capacity() {
            len.saturating_mul(2)
        } else {
            self.bytes.capacity()
        };
        let wanted = grown.max(capacity).min(limit(account)).max(len + 1);
        ready!(self.poll_charge(cx, account, wanted))?;
        self.grow_to(wanted);
        // Front that was reclaimed counts again.
        self.poll_charge(cx, account, self.bytes.capacity())
    }

    /// Makes room for `additional` bytes behind the others, if that can be charged at once.
    pub(super) fn try_room(
        &mut self,
        account: &Account,
        additional: usize,
    ) -> Result<(), LeaseError> {
        let (len, capacity) = (self.bytes.len(), self.bytes.capacity());
        if capacity - len < additional || self.charge.len() < capacity {
            let wanted = (capacity * 2).min(limit(Some(account))).max(len + additional);
            self.try_charge(account, wanted).map_err(|error| account.told(error))?;
            self.grow_to(wanted);
        }
        self.fit(Some(account))
    }

    /// Charges what a codec has made the buffer grow by; if that cannot be had at once, the bytes
    /// move to a buffer just for them.
    ///
    /// # Errors
    /// There is not even room for the bytes: they are here, and not charged.
    pub(super) fn fit(&mut self, account: Option<&Account>) -> Result<(), LeaseError> {
        let Some(account) = account else { return Ok(()) };
        if self.try_charge(account, self.bytes.capacity()).is_err() {
            self.try_charge(account, self.bytes.len()).map_err(|error| account.told(error))?;
            self.move_to(self.charge.len());
        }
        Ok(())
    }

    /// Forgets what was written behind the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        if self.bytes.capacity() > self.charge.len() {
            self.move_to(self.charge.len().max(len));
        }
    }

    /// Gives the place in the queue for memory up, if there is one.
    pub(super) fn stop_waiting(&mut self) {
        self.wait = None;
    }

    /// Nothing more to do with it for now: an empty buffer goes, and few bytes move out of a large
    /// one.
    pub(super) fn park(&mut self, account: Option<&Account>, capacity: usize) {
        let held = self.charge.len().max(self.bytes.capacity());
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.charge = Reservation::empty();
        } else if held > capacity && self.bytes.len() < held / SPARSE {
            self.move_to(capacity.max(self.bytes.len()));
            self.charge.shrink_to(self.bytes.capacity());
        } else {
            // Refused, the charge is that of bytes from outside: it is waited for when there is
            // more to read.
            let _ = self.fit(account);
        }
    }

    /// Waits until `wanted` bytes are charged.
    fn poll_charge(
        &mut self,
        cx: &mut Context<'_>,
        account: Option<&Account>,
        wanted: usize,
    ) -> Poll<Result<(), LeaseError>> {
        let Some(account) = account else { return Poll::Ready(Ok(())) };
        while let Some(missing) = self.missing(account, wanted)? {
            let wait = self.wait.get_or_insert_with(|| Box::new(account.reserve(missing)));
            let reserved = ready!(Pin::new(&mut **wait).poll(cx));
            self.wait = None;
            self.charge.absorb(reserved?);
        }
        self.wait = None;
        Poll::Ready(Ok(()))
    }

    /// Charges `wanted` bytes, or no more than before.
    fn try_charge(&mut self, account: &Account, wanted: usize) -> Result<(), LeaseError> {
        let before = self.charge.len();
        while let Some(missing) = self.missing(account, wanted)? {
            match account.try_reserve_untold(missing) {
                Ok(reserved) => self.charge.absorb(reserved),
                Err(error) => {
                    self.charge.shrink_to(before);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What is still to be charged for `wanted` bytes: not more at once than the pool lets anybody
    /// wait for.
    ///
    /// # Errors
    /// They can never be charged: a wait would be for this buffer itself.
    fn missing(&self, account: &Account, wanted: usize) -> Result<Option<usize>, LeaseError> {
        let missing = wanted.saturating_sub(self.charge.len());
        if missing > 0 && wanted > limit(Some(account)) {
            return Err(LeaseError::too_large(wanted, limit(Some(account))));
        }
        Ok((missing > 0).then(|| missing.min(account.reservation_len_max())))
    }

    /// Not by `reserve`, which doubles what it had: no more than is charged.
    fn grow_to(&mut self, capacity: usize) {
        let missing = capacity.saturating_sub(self.bytes.len());
        if self.bytes.capacity() < capacity && !self.bytes.try_reclaim(missing) {
            self.move_to(capacity);
        }
    }

    fn move_to(&mut self, capacity: usize) {
        let mut moved = BytesMut::with_capacity(capacity);
        moved.extend_from_slice(&self.bytes);
        self.bytes = moved;
    }
}

/// The most that may be charged.
fn limit(account: Option<&Account>) -> usize {
    account.map_or(usize::MAX, Account::limit_of_all)
}
