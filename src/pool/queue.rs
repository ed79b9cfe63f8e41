//! Those who wait for memory, in order.
//!
//! A request waits in the pool's line, or in the line of the account whose limit it met: there its own blocks will come home,
//! so it must not hold up the others. Both lines are first come, first served; nobody outside a line passes it. Grants
//! are handed over, not announced: a block is leased for the waiter before it is woken.
//!
//! # Invariants
//! - IN-LINE: a waiting entry's ticket is in exactly one line; a granted one's is in none.
//! - FLAGGED: while the pool's line is not empty, all leases and returns go through the slab and serve the queue; while an
//!   account's line is not empty, its refunds do.
//! - NO-FREEZE: a head that cannot be served is passed by at most [`PASSES`] others, then holds them back for at most [`HOLDS`]
//!   servings so that memory can gather for it, and so on in turn. Every entry leaves at its deadline.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use super::{
    account::{Account, AccountHandle, AccountKey},
    block_mut::BlockMut,
    class::ClassIndex,
    core::{Blocked, Core},
};

/// How many requests may pass a head that cannot be served before it holds them back.
const PASSES: u32 = 16;
/// For how many servings it does.
const HOLDS: u32 = 16;
/// How far one serving looks behind a head that cannot be served.
const SCAN_MAX: usize = 64;
/// How often one serving goes back to accounts that it woke itself.
const ROUNDS_MAX: usize = 4;

/// A place in the queue; lower ones are older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// One block of this class, or of the next one up.
    Block(ClassIndex),
    /// Blocks of any class that together hold so many bytes.
    Chain(usize),
}

pub(super) struct Queue {
    next: u64,
    entries: BTreeMap<Ticket, Entry>,
    pool: Line,
    accounts: HashMap<AccountKey, Line>,
    /// Grants that wait to be collected, oldest first.
    grants: BTreeSet<(Instant, Ticket)>,
    /// Whether the pool is flagged (FLAGGED).
    raised: bool,
}

struct Entry {
    account: AccountHandle,
    request: Request,
    state: State,
}

enum State {
    Waiting { at: Option<AccountKey>, waker: Waker },
    Granted { blocks: Vec<BlockMut>, since: Instant },
    TakenBack,
}

/// Tickets in order, and how patient they are with their head.
struct Line {
    tickets: BTreeSet<Ticket>,
    passes_left: u32,
    holds_left: u32,
}

/// What must happen after the queue is unlocked: a waker or the drop of a block may run anybody's code.
#[must_use]
pub(super) struct Done {
    wakers: Vec<Waker>,
    blocks: Vec<BlockMut>,
    entries: Vec<Entry>,
    /// Somebody began to wait for the pool.
    raised: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            entries: BTreeMap::new(),
            pool: Line::new(),
            accounts: HashMap::new(),
            grants: BTreeSet::new(),
            raised: false,
        }
    }

    /// Entries that still wait.
    pub(super) fn waiting(&self) -> usize {
        self.pool.tickets.len() + self.accounts.values().map(|line| line.tickets.len()).sum::<usize>()
    }

    /// Joins the line that `blocked` names, and serves it once: what came home in between must not be missed.
    pub(super) fn join(
        &mut self,
        core: &Core,
        account: &AccountHandle,
        request: Request,
        blocked: &Blocked,
        waker: Waker,
    ) -> (Ticket, Done) {
        let ticket = Ticket(self.next);
        self.next += 1;
        let entry = Entry { account: account.clone(), request, state: State::Waiting { at: None, waker } };
        self.entries.insert(ticket, entry);
        let mut woken = Vec::new();
        match blocked {
            Blocked::Pool => {
                self.pool.tickets.insert(ticket);
            }
            Blocked::Account(refused) => self.line_up(core, ticket, refused.at, &mut woken),
        }
        (ticket, self.serve(core, woken))
    }

    /// Collects a grant, or says whether the wait goes on. The waker is the one to wake next time.
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> (Poll<Option<Vec<BlockMut>>>, Option<Waker>) {
        let entry = self.entries.get_mut(&ticket).expect("a ticket is good until it is collected");
        match &mut entry.state {
            State::Waiting { waker: old, .. } => {
                let stale = (!old.will_wake(waker)).then(|| std::mem::replace(old, waker.clone()));
                (Poll::Pending, stale)
            }
            State::Granted { blocks, since } => {
                let (blocks, since) = (std::mem::take(blocks), *since);
                self.grants.remove(&(since, ticket));
                self.entries.remove(&ticket);
                (Poll::Ready(Some(blocks)), None)
            }
            State::TakenBack => {
                self.entries.remove(&ticket);
                (Poll::Ready(None), None)
            }
        }
    }

    /// Leaves the queue. A turn is passed on, a grant goes home.
    pub(super) fn leave(&mut self, core: &Core, ticket: Ticket) -> Done {
        let Some(entry) = self.entries.remove(&ticket) else {
            return Done::new();
        };
        let mut woken = Vec::new();
        match &entry.state {
            State::Waiting { at: None, .. } => {
                self.pool.remove(ticket);
                // Room at an account that let it through is promised to it, and now to the next in line there.
                woken.extend(entry.account.line().map(Account::key).filter(|key| self.accounts.contains_key(key)));
            }
            State::Waiting { at: Some(key), .. } => {
                self.leave_account(ticket, *key, &entry.account);
                woken.push(*key);
            }
            State::Granted { since, .. } => {
                self.grants.remove(&(*since, ticket));
            }
            State::TakenBack => {}
        }
        let mut done = self.serve(core, woken);
        done.entries.push(entry);
        done
    }

    /// Serves somebody outside the queue, if that passes nobody who must not be passed.
    pub(super) fn serve_outsider(
        &mut self,
        core: &Core,
        account: &AccountHandle,
        request: Request,
        blocked: Blocked,
    ) -> (Result<Vec<BlockMut>, Blocked>, Done) {
        let mut done = self.serve(core, Vec::new());
        let line = match &blocked {
            Blocked::Pool => Some(&mut self.pool),
            Blocked::Account(refused) => self.accounts.get_mut(&refused.at),
        };
        let is_open = line.is_some_and(|line| line.tickets.is_empty() || line.may_pass());
        if !is_open {
            return (Err(blocked), done);
        }
        let mut woken = Vec::new();
        let leased = core.lease_request(account, request, true, &mut woken);
        if leased.is_ok() {
            match &blocked {
                Blocked::Pool => self.pool.pass(),
                Blocked::Account(refused) => {
                    if let Some(line) = self.accounts.get_mut(&refused.at) {
                        line.pass();
                    }
                }
            }
        }
        done.join(self.serve(core, woken));
        (leased, done)
    }

    /// Serves the lines: those of `woken` accounts first, for they feed the pool's.
    pub(super) fn serve(&mut self, core: &Core, mut woken: Vec<AccountKey>) -> Done {
        let mut done = Done::new();
        self.take_back(core.settings.wait_max, &mut done);
        for _ in 0..ROUNDS_MAX {
            for key in std::mem::take(&mut woken) {
                self.serve_account(core, key);
            }
            self.serve_pool(core, &mut woken, &mut done);
            if !self.pool.tickets.is_empty() && !self.raised {
                // Only now is it certain that somebody waits for the pool. What came home to a magazine since the attempt
                // is in the slab after this.
                self.raised = true;
                done.raised = true;
                core.set_waiting(true);
                self.serve_pool(core, &mut woken, &mut done);
            }
            if woken.is_empty() {
                break;
            }
        }
        if self.pool.tickets.is_empty() && self.raised {
            self.raised = false;
            core.set_waiting(false);
        }
        done
    }

    /// Moves those to the pool's line whose account has room again.
    fn serve_account(&mut self, core: &Core, key: AccountKey) {
        let Some(line) = self.accounts.get_mut(&key) else { return };
        line.begin_serving();
        let mut promised = 0;
        let mut moved = Vec::new();
        let mut head_blocked = false;
        let mut passes = line.passes_left;
        for &ticket in line.tickets.iter().take(SCAN_MAX) {
            if head_blocked && passes == 0 {
                break;
            }
            let entry = self.entries.get(&ticket).expect("a ticket in line has an entry (IN-LINE)");
            let bytes = core.bytes_of(entry.request);
            let has_room =
                entry.account.line().find(|at| at.key() == key).is_none_or(|at| at.has_room(promised + bytes));
            if has_room {
                promised += bytes;
                moved.push(ticket);
                passes -= u32::from(head_blocked);
            } else {
                head_blocked = true;
            }
        }
        line.passes_left = passes;
        for ticket in moved {
            let entry = self.entries.get_mut(&ticket).expect("a ticket in line has an entry (IN-LINE)");
            if let State::Waiting { at, .. } = &mut entry.state {
                *at = None;
            }
            let account = entry.account.clone();
            self.pool.tickets.insert(ticket);
            self.leave_account(ticket, key, &account);
        }
    }

    fn serve_pool(&mut self, core: &Core, woken: &mut Vec<AccountKey>, done: &mut Done) {
        self.pool.begin_serving();
        let mut from = Ticket(0);
        let mut head_blocked = false;
        let mut scanned = 0;
        while let Some(&ticket) = self.pool.tickets.range(from..).next() {
            from = Ticket(ticket.0 + 1);
            scanned += 1;
            if head_blocked && (!self.pool.may_pass() || scanned > SCAN_MAX) {
                break;
            }
            let entry = self.entries.get(&ticket).expect("a ticket in line has an entry (IN-LINE)");
            match core.lease_request(&entry.account, entry.request, true, woken) {
                Ok(blocks) => {
                    if head_blocked {
                        self.pool.pass();
                    }
                    self.pool.remove(ticket);
                    self.grant(ticket, blocks, done);
                }
                Err(Blocked::Account(refused)) => {
                    self.pool.remove(ticket);
                    self.line_up(core, ticket, refused.at, woken);
                }
                Err(Blocked::Pool) => head_blocked = true,
            }
        }
    }

    /// Puts a waiting entry into an account's line.
    fn line_up(&mut self, core: &Core, ticket: Ticket, key: AccountKey, woken: &mut Vec<AccountKey>) {
        let entry = self.entries.get_mut(&ticket).expect("a ticket in line has an entry (IN-LINE)");
        if let State::Waiting { at, .. } = &mut entry.state {
            *at = Some(key);
        }
        self.accounts.entry(key).or_insert_with(Line::new).tickets.insert(ticket);
        let bytes = core.bytes_of(entry.request);
        let account = entry.account.line().find(|at| at.key() == key).expect("an account is blocked by one above it");
        account.set_waiters(true);
        // A refund before the flag was set woke nobody; look once more.
        if account.has_room(bytes) {
            woken.push(key);
        }
    }

    /// Takes a ticket out of an account's line; an empty line goes, and its flag with it.
    fn leave_account(&mut self, ticket: Ticket, key: AccountKey, account: &AccountHandle) {
        let Some(line) = self.accounts.get_mut(&key) else { return };
        line.remove(ticket);
        if line.tickets.is_empty() {
            self.accounts.remove(&key);
            if let Some(at) = account.line().find(|at| at.key() == key) {
                at.set_waiters(false);
            }
        }
    }

    fn grant(&mut self, ticket: Ticket, blocks: Vec<BlockMut>, done: &mut Done) {
        let since = Instant::now();
        let entry = self.entries.get_mut(&ticket).expect("a ticket in line has an entry (IN-LINE)");
        let state = std::mem::replace(&mut entry.state, State::Granted { blocks, since });
        self.grants.insert((since, ticket));
        if let State::Waiting { waker, .. } = state {
            done.wakers.push(waker);
        }
    }

    /// Takes back grants that nobody has collected for `wait_max`.
    fn take_back(&mut self, wait_max: Duration, done: &mut Done) {
        while let Some(&(since, ticket)) = self.grants.first() {
            if since.elapsed() < wait_max {
                return;
            }
            self.grants.pop_first();
            if let Some(entry) = self.entries.get_mut(&ticket)
                && let State::Granted { blocks, .. } = std::mem::replace(&mut entry.state, State::TakenBack)
            {
                done.blocks.extend(blocks);
            }
        }
    }
}

impl Line {
    fn new() -> Self {
        Self { tickets: BTreeSet::new(), passes_left: PASSES, holds_left: HOLDS }
    }

    /// Takes a ticket out; a new head starts with all its patience.
    fn remove(&mut self, ticket: Ticket) {
        if self.tickets.first() == Some(&ticket) {
            self.passes_left = PASSES;
            self.holds_left = HOLDS;
        }
        self.tickets.remove(&ticket);
    }

    /// A serving counts against the time that the head holds the others back.
    fn begin_serving(&mut self) {
        if self.passes_left == 0 {
            self.holds_left -= 1;
            if self.holds_left == 0 {
                self.passes_left = PASSES;
                self.holds_left = HOLDS;
            }
        }
    }

    fn may_pass(&self) -> bool {
        self.passes_left > 0
    }

    fn pass(&mut self) {
        self.passes_left = self.passes_left.saturating_sub(1);
    }
}

impl Done {
    fn new() -> Self {
        Self { wakers: Vec::new(), blocks: Vec::new(), entries: Vec::new(), raised: false }
    }

    fn join(&mut self, mut other: Done) {
        self.wakers.append(&mut other.wakers);
        self.blocks.append(&mut other.blocks);
        self.entries.append(&mut other.entries);
        self.raised |= other.raised;
    }

    /// Wakes and drops what the queue let go of; call it without any lock.
    pub(super) fn finish(mut self, core: &Core) {
        core.note_leased(self.raised);
        self.wake_all();
    }

    fn wake_all(&mut self) {
        while let Some(waker) = self.wakers.pop() {
            waker.wake();
        }
    }
}

impl Drop for Done {
    /// A waker that panics does not keep the others asleep.
    fn drop(&mut self) {
        self.wake_all();
    }
}
