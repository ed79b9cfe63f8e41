//! The pool: one owner of all blocks, who leases them.
//!
//! # Invariants
//! Named once, where they are kept, and cited by name elsewhere: CAP, WITHIN, COUNTED and LISTED in `slab`; IN-REGION and RUN-ONCE in
//! `memory`; TABLE-LIVES and ONE-HOLDER in `span`; BOUNDED and BYPASS in `cache`; ALIVE and EXACT in `account`, COVERED in `account/covering`; LIVES, HOME and
//! NO-STRAND in `core`; IN-LINE, FLAGGED and DEADLINE in
//! `queue`; NO-FREEZE in `line`; SHARES and RANGES in `hold`.

#[allow(unsafe_code)]
mod account;
mod batch;
mod bits;
#[allow(unsafe_code)]
mod block;
#[allow(unsafe_code)]
mod block_mut;
mod builder;
mod cache;
mod class;
mod core;
mod cover;
mod error;
mod grant;
#[allow(unsafe_code)]
mod hold;
mod lease;
mod line;
mod maintain;
#[allow(unsafe_code)]
mod memory;
#[cfg(feature = "metrics")]
mod onlooker;
mod queue;
mod recharge;
mod refusals;
mod reservation;
mod reserve;
#[cfg(feature = "http")]
mod set_aside;
#[allow(unsafe_code)]
mod slab;
#[allow(unsafe_code)]
mod span;
mod stats;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "untraced.rs"]
mod trace;

#[cfg(feature = "metrics")]
pub(crate) use self::onlooker::Onlooker;
#[cfg(feature = "http")]
pub(crate) use self::set_aside::SetAside;
pub use self::{
    block::Block,
    block_mut::BlockMut,
    builder::{BuildError, Builder},
    cover::Cover,
    error::LeaseError,
    lease::Lease,
    memory::Backing,
    refusals::Refusals,
    reservation::Reservation,
    reserve::Reserve,
    stats::{AccountStats, ClassStats, Pressure, Stats},
};
pub(crate) use self::{
    block::resolve,
    lease::{Shape, Wait},
    recharge::Recharge,
};

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use self::{
    account::AccountHandle,
    block_mut::Fresh,
    class::ClassIndex,
    core::{Blocked, CHAIN_BLOCKS_MAX, Core},
    grant::Grant,
    queue::Request,
};

/// A handle to an account of a pool: leases blocks, and is charged their capacity.
///
/// [`Pool::new`] and [`Pool::builder`] make a pool and return the handle to its own account, whose limit is the budget.
/// [`child`](Self::child) opens accounts inside it, to any depth, on the same blocks: one a listener, a tenant, a
/// connection. A handle is 8 bytes and costs one atomic addition to clone; blocks outlive it.
///
/// # Examples
/// ```
/// use bytes::BufMut;
/// use leasehold::Pool;
///
/// let pool = Pool::new(16 << 20)?;
/// let connection = pool.child("connection 7", 1 << 20);
/// let mut block = connection.try_lease(3000)?;
/// block.put_slice(b"up to 4096 bytes fit");
/// assert_eq!(connection.leased(), 4096);
/// drop(block);
/// assert_eq!(pool.leased(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    account: AccountHandle,
}

impl Pool {
    /// A pool with the default classes (1 KiB, 4 KiB, 20 KiB, 64 KiB, 256 KiB, 1 MiB) and a hard cap of `budget` bytes.
    ///
    /// # Errors
    /// As [`Builder::build`]; with the defaults, a budget under 1 MiB.
    pub fn new(budget: usize) -> Result<Self, BuildError> {
        Self::builder().budget(budget).build()
    }

    /// Settings for a pool.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn from_root(account: AccountHandle) -> Self {
        Self { account }
    }

    /// Opens an account inside this one, with a limit in bytes of its own. The limits of all accounts above hold too.
    ///
    /// The account lives while a handle to it lives or a block or reservation is charged to it. Its name appears in [`Stats::accounts`] and in
    /// errors. More than 8 million handles to one account abort the process.
    #[must_use = "the account is gone with its last handle"]
    pub fn child(&self, name: impl Into<Cow<'static, str>>, limit: usize) -> Self {
        Self { account: self.account.child(limit, name.into()) }
    }

    // ---- leasing -------------------------------------------------------------------------------------------------------

    /// Leases a block of at least `len` bytes, charged to this account.
    ///
    /// Returns at once. Costs one atomic operation while this thread's magazine has a block of the class, and one more for
    /// each account between this one and the pool; the return costs the same.
    ///
    /// # Shape
    /// `len` is bytes; the block's capacity is `len` rounded up to its class, or to the next class where that one has run
    /// out. A fresh block has a length of 0, and its bytes are not zeroed.
    ///
    /// # Errors
    /// An account is at its limit ([`LeaseError::is_over_limit`]), the pool has no free block or others wait for one
    /// ([`is_exhausted`](LeaseError::is_exhausted)), or no class or limit is that large
    /// ([`is_too_large`](LeaseError::is_too_large)). Nothing is charged then.
    #[inline]
    pub fn try_lease(&self, len: usize) -> Result<BlockMut, LeaseError> {
        self.try_lease_fresh(len).map(BlockMut::from)
    }

    /// As [`try_lease`](Self::try_lease), but a block of the largest class if none is that large.
    /// TOLD: for those who do without, or wait.
    #[inline]
    pub(crate) fn try_lease_most(&self, len: usize) -> Result<BlockMut, LeaseError> {
        let classes = &self.core().classes;
        let class = classes.holding(len).unwrap_or(classes.largest());
        match self.core().lease_fast(&self.account, class) {
            Some(block) => Ok(block.into()),
            None => self.try_lease_slow(len.min(classes.len_of(class)), class).map(BlockMut::from),
        }
    }

    /// Leases a block of at least `len` bytes, and waits for it if need be: at most the pool's `wait_max`.
    ///
    /// # Errors
    /// The deadline passed ([`LeaseError::is_deadline_passed`]), or the length can never be had
    /// ([`is_too_large`](LeaseError::is_too_large), at once).
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future passes its turn on, and a block that was already granted goes home.
    ///
    /// # Panics
    /// If it must wait outside of a tokio runtime with time enabled.
    pub fn lease(&self, len: usize) -> Lease {
        Lease::new(self, len, self.wait_max())
    }

    /// As [`lease`](Self::lease), with a deadline of its own.
    pub fn lease_within(&self, len: usize, within: Duration) -> Lease {
        Lease::new(self, len, within)
    }

    /// As [`lease`](Self::lease), for code that polls: `slot` keeps the place in the queue from one poll to the next.
    ///
    /// An empty slot begins a new lease of `len` bytes; it is empty again when this is ready. A full one goes on with the length
    /// and the account that it began with. To give the place up, empty it.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub fn poll_lease(
        &self,
        cx: &mut Context<'_>,
        slot: &mut Option<Lease>,
        len: usize,
    ) -> Poll<Result<BlockMut, LeaseError>> {
        let lease = slot.get_or_insert_with(|| self.lease(len));
        let polled = Pin::new(lease).poll(cx);
        if polled.is_ready() {
            *slot = None;
        }
        polled
    }

    // ---- limits and figures --------------------------------------------------------------------------------------------

    /// Bytes charged to this account and the accounts in it, for blocks and [reservations](Reservation); for the pool's own account
    /// all that is leased and reserved.
    ///
    /// For the pool's own account this visits every shard; exact while nobody leases or returns.
    pub fn leased(&self) -> usize {
        if self.account.is_root() { self.core().leased() } else { self.account.charge_now() }
    }

    /// The most that [`leased`](Self::leased) ever was: exact for accounts, sampled for the pool's own.
    pub fn peak(&self) -> usize {
        if self.account.is_root() { self.core().peak() } else { self.account.peak() }
    }

    /// The most that may be charged to this account, in bytes.
    pub fn limit(&self) -> usize {
        self.account.limit()
    }

    /// Changes the limit. What is leased or reserved above a lower limit stays so; nothing more is until it has come home.
    ///
    /// The limit of the pool's own account cannot exceed the budget.
    pub fn set_limit(&self, limit: usize) {
        if self.account.is_root() {
            self.account.set_limit(limit.min(self.budget()));
            self.core().set_limit(limit);
        } else {
            self.account.set_limit(limit);
            self.core().serve_now(vec![self.account.key()]);
        }
    }

    /// The hard cap on the memory of all blocks of the pool, in bytes.
    pub fn budget(&self) -> usize {
        self.core().settings.budget
    }

    /// The name of this account.
    pub fn name(&self) -> &str {
        self.account.name()
    }

    /// The capacity that a block of `len` bytes has, or the largest one if none is that large, in bytes.
    pub fn block_len_for(&self, len: usize) -> usize {
        let classes = &self.core().classes;
        classes.len_of(classes.holding(len).unwrap_or(classes.largest()))
    }

    /// How close the whole pool is to its budget.
    pub fn pressure(&self) -> Pressure {
        self.core().pressure()
    }

    /// Waits until the pressure [is high](Pressure::is_high): for whoever can give memory back early.
    ///
    /// Returns at once while it is: give something back, or pause, before waiting again. What is leased out of magazines is not
    /// watched, so it may be noticed late by what one shard holds.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost.
    pub async fn wait_for_pressure(&self) {
        self.core().pressure_high().await;
    }

    /// The figures of the whole pool.
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    // ---- giving back ---------------------------------------------------------------------------------------------------

    /// Gives all memory that no lease uses back to the system at once; returns how many bytes went. Leased blocks are not
    /// touched. Makes its system calls on this thread: about 20 us a MiB.
    pub fn trim(&self) -> usize {
        self.core().trim()
    }

    /// Gives memory back on its own while it runs: spawn it. Four times a second, half of the free blocks of each class
    /// that the load has not needed since the last time go back to the system, and so do magazines that nobody used.
    ///
    /// Ends when the last handle of the pool is gone; it is not one itself.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping it only ends the sweeps.
    ///
    /// # Panics
    /// When polled outside of a tokio runtime with time enabled.
    pub fn maintain(&self) -> impl Future<Output = ()> + Send + use<> {
        maintain::maintain(Arc::downgrade(&self.account.core))
    }

    // ---- for the rooms above -------------------------------------------------------------------------------------------

    pub(crate) fn wait_max(&self) -> Duration {
        self.core().settings.wait_max
    }

    /// The smallest limit from this account to the pool's own.
    pub(crate) fn limit_of_all(&self) -> usize {
        self.account.limit_of_all()
    }

    /// Leases the block for a chain of `len` bytes, if one block is best and a magazine has it.
    #[inline]
    pub(crate) fn lease_single(&self, len: usize) -> Option<BlockMut> {
        let core = self.core();
        if len == 0 || len > core.settings.budget / 4 {
            return None;
        }
        let class = core.classes.for_chain(len, CHAIN_BLOCKS_MAX);
        if core.classes.len_of(class) < len { None } else { core.lease_fast(&self.account, class).map(BlockMut::from) }
    }

    /// Leases blocks with room for `len` bytes together, all or none.
    pub(crate) fn try_lease_chain(&self, len: usize) -> Result<Vec<BlockMut>, LeaseError> {
        self.try_lease_chain_untold(len).map_err(|error| self.told(error))
    }

    /// Counts a refusal that the caller is told of (TOLD).
    #[cold]
    pub(crate) fn told(&self, error: LeaseError) -> LeaseError {
        if error.is_over_limit() || error.is_exhausted() { self.core().refused(&self.account, error) } else { error }
    }

    /// As `try_lease_chain`, for those who do without, or wait (TOLD).
    pub(crate) fn try_lease_chain_untold(&self, len: usize) -> Result<Vec<BlockMut>, LeaseError> {
        let request = self.request(len, Shape::Chain)?;
        self.refuse_on_purpose(self.core().bytes_of(request))?;
        let mut woken = Vec::new();
        let leased = self.core().lease_request(&self.account, request, false, &mut woken);
        self.core().serve(woken);
        match leased {
            Ok(grant) => {
                self.core().note_leased(false);
                Ok(grant.into_blocks())
            }
            Err(blocked) => self.lease_blocked(len, Shape::Chain, blocked).map(Grant::into_blocks),
        }
    }

    /// The capacity that a chain of `len` bytes takes if the best blocks are free.
    pub(crate) fn chain_capacity(&self, len: usize) -> usize {
        self.core().bytes_of(Request::Chain(len))
    }

    /// The most that one chain may ask for: a quarter of the budget, in at most 63 blocks.
    pub(crate) fn chain_len_max(&self) -> usize {
        (self.budget() / 4).min(CHAIN_BLOCKS_MAX * self.block_len_for(usize::MAX))
    }

    /// Whether nobody else has a handle to this account, and nothing is charged to it.
    #[cfg(feature = "tower")]
    pub(crate) fn is_unused(&self) -> bool {
        self.account.is_unused()
    }

    /// Begins anew to remember the most that was charged to an account that nobody else has.
    #[cfg(feature = "tower")]
    pub(crate) fn forget_peak(&mut self) {
        self.account.forget_peak();
    }

    /// The most that this account can ever reserve at once.
    #[cfg(feature = "tower")]
    pub(crate) fn reservation_max(&self) -> usize {
        self.reservation_len_max().min(self.limit_of_all())
    }

    /// The most that may be reserved at once: a quarter of the budget (NO-FREEZE).
    fn reservation_len_max(&self) -> usize {
        self.budget() / 4
    }

    /// What is asked of the core, or why it can never be served.
    fn request(&self, len: usize, shape: Shape) -> Result<Request, LeaseError> {
        let core = self.core();
        let limit = self.account.limit_of_all();
        let request = match shape {
            Shape::Block => core.classes.holding(len).map(Request::Block),
            Shape::Chain => (len <= self.chain_len_max()).then_some(Request::Chain(len)),
            Shape::Reservation => (len <= self.reservation_len_max()).then_some(Request::Reservation(len)),
        };
        request.filter(|&request| core.bytes_of(request) <= limit).ok_or_else(|| match shape {
            Shape::Block => self.too_large(len),
            // What fits under a limit in whole blocks.
            Shape::Chain => LeaseError::too_large(len, self.chain_len_max().min(limit - limit % self.block_len_for(0))),
            Shape::Reservation => LeaseError::too_large(len, self.reservation_len_max().min(limit)),
        })
    }

    /// A lease for somebody who has not tried yet.
    fn lease_now(&self, request: Request) -> Result<Grant, Blocked> {
        let core = self.core();
        let leased = match request {
            Request::Block(class) => core.lease_block(&self.account, class).map(|block| Grant::Blocks(vec![block])),
            Request::Chain(_) | Request::Reservation(_) => {
                let mut woken = Vec::new();
                let leased = core.lease_request(&self.account, request, false, &mut woken);
                core.serve(woken);
                leased
            }
        };
        if leased.is_ok() {
            core.note_leased(false);
        }
        leased
    }

    /// Too large to be inlined wherever somebody leases; returns in registers.
    #[inline(never)]
    fn try_lease_fresh(&self, len: usize) -> Result<Fresh, LeaseError> {
        match self.core().classes.holding(len) {
            Some(class) => self.try_lease_of(class, len),
            None => Err(self.too_large(len)),
        }
    }

    #[inline]
    fn try_lease_of(&self, class: ClassIndex, len: usize) -> Result<Fresh, LeaseError> {
        match self.core().lease_fast(&self.account, class) {
            Some(block) => Ok(block),
            None => self.try_lease_told(len, class),
        }
    }

    #[cold]
    fn try_lease_told(&self, len: usize, class: ClassIndex) -> Result<Fresh, LeaseError> {
        self.try_lease_slow(len, class).map_err(|error| self.told(error))
    }

    #[cold]
    fn try_lease_slow(&self, len: usize, class: ClassIndex) -> Result<Fresh, LeaseError> {
        self.refuse_on_purpose(self.core().classes.len_of(class))?;
        let leased = match self.core().lease_block(&self.account, class) {
            Ok(block) => Ok(block),
            Err(blocked) => self.lease_blocked(len, Shape::Block, blocked).map(Grant::into_block),
        };
        leased.map(BlockMut::into_fresh)
    }

    /// A lease that did not succeed at once: refused, unless those who wait may be passed. It is
    /// not counted yet (TOLD).
    #[cold]
    fn lease_blocked(&self, len: usize, shape: Shape, blocked: Blocked) -> Result<Grant, LeaseError> {
        let core = self.core();
        let request = self.request(len, shape).inspect_err(|_| {
            // The try may have emptied magazines, or charged an account for a moment, just when somebody began to wait.
            core.serve_now(Vec::new());
        })?;
        let (leased, done) = {
            let mut queue = core.queue.lock();
            queue.serve_outsider(core, &self.account, request, blocked)
        };
        done.finish(core);
        leased.map_err(|blocked| core.refusal(&self.account, &blocked, core.bytes_of(request)))
    }

    #[cold]
    fn too_large(&self, len: usize) -> LeaseError {
        let limit = self.account.limit_of_all();
        let classes = &self.core().classes;
        let most = classes.iter().map(|class| classes.len_of(class)).filter(|&class_len| class_len <= limit).max();
        LeaseError::too_large(len, most.unwrap_or(0))
    }

    fn account(&self) -> &AccountHandle {
        &self.account
    }

    #[inline]
    fn core(&self) -> &Core {
        &self.account.core
    }
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Self { account: self.account.clone() }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("leased", &self.leased())
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}
