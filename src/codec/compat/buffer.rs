//! `Buffer`: a `BytesMut` that exists while it has bytes, and that is charged to an account.
//!
//! # Invariants
//! - CHARGED: when a method has returned, the charge is at least the capacity. The exception are
//!   bytes that came from outside, until there is room for more.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;

use crate::pool::{Account, LeaseError, Reservation, ReserveFuture};

/// Before a wait, bytes that use less than `1 / SPARSE` of their buffer move to a smaller one
/// (NO-PIN).
const SPARSE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) bytes: BytesMut,
    charge: Reservation,
    wait: Option<Box<ReserveFuture>>,
}

impl Buffer {
    /// Makes a buffer with bytes from elsewhere. It is charged when it is used next.
    pub(super) fn new(bytes: BytesMut) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// The same bytes, not charged yet.
    pub(super) fn uncharged(self) -> Self {
        Self::new(self.bytes)
    }

    /// Makes room for at least one byte, in a buffer of at least `capacity` if its account may have
    /// that much. Waits until it can be charged.
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
        // The capacity counts a reclaimed front again.
        self.poll_charge(cx, account, self.bytes.capacity())
    }

    /// Makes room for `additional` bytes behind the others, if it can be charged at once.
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

    /// Charges the capacity by which a codec has made the buffer grow. If that is refused, the
    /// bytes move to a buffer of their own length.
    ///
    /// # Errors
    /// There is no room even for the bytes. They are here, and not charged.
    pub(super) fn fit(&mut self, account: Option<&Account>) -> Result<(), LeaseError> {
        let Some(account) = account else { return Ok(()) };
        if self.try_charge(account, self.bytes.capacity()).is_err() {
            self.try_charge(account, self.bytes.len()).map_err(|error| account.told(error))?;
            self.move_to(self.charge.len());
        }
        Ok(())
    }

    /// Drops the bytes behind the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        if self.bytes.capacity() > self.charge.len() {
            self.move_to(self.charge.len().max(len));
        }
    }

    /// Gives up the place in the queue for memory, if there is one.
    pub(super) fn stop_waiting(&mut self) {
        self.wait = None;
    }

    /// Prepares for a pause: an empty buffer is freed, and few bytes move out of a large one.
    pub(super) fn park(&mut self, account: Option<&Account>, capacity: usize) {
        let held = self.charge.len().max(self.bytes.capacity());
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.charge = Reservation::empty();
        } else if held > capacity && self.bytes.len() < held / SPARSE {
            self.move_to(capacity.max(self.bytes.len()));
            self.charge.shrink_to(self.bytes.capacity());
        } else {
            // If this is refused, the charge is missing for bytes from outside. The next read waits
            // for it.
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

    /// Charges `wanted` bytes, or leaves the charge as it was.
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

    /// The number of bytes that are still to be charged for `wanted`, and at most as many as the
    /// pool allows one request.
    ///
    /// # Errors
    /// They can never be charged, because a wait would be for this buffer itself.
    fn missing(&self, account: &Account, wanted: usize) -> Result<Option<usize>, LeaseError> {
        let missing = wanted.saturating_sub(self.charge.len());
        if missing > 0 && wanted > limit(Some(account)) {
            return Err(LeaseError::too_large(wanted, limit(Some(account))));
        }
        Ok((missing > 0).then(|| missing.min(account.reservation_len_max())))
    }

    /// It does not use `reserve`, which doubles the capacity: no more than the charge is allocated.
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

/// The most bytes that may be charged.
fn limit(account: Option<&Account>) -> usize {
    account.map_or(usize::MAX, Account::limit_of_all)
}
