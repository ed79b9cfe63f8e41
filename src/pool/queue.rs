//! Those who wait for memory, in order.
//!
//! A request waits in the pool's line, or in the line of the account whose limit it met: there its own blocks will come home,
//! so it must not hold up the others. Both lines are first come, first served; nobody outside a line passes it. Grants
//! are handed over, not announced: a block is leased for the waiter before it is woken.
//!
//! # Invariants
//! - IN-LINE: a waiting entry's ticket is in exactly one line; a granted one's is in none.
//! - FLAGGED: while the pool's line is not empty, or more is out than the pool's own limit that was lowered, all leases and returns go
//!   through the slab and serve the queue; while an account's line is not empty, its refunds do.
//! - DEADLINE: every entry leaves at its deadline at the latest; how long a head may hold the others back is `line`'s (NO-FREEZE).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    task::Waker,
    time::{Duration, Instant},
};

use super::{
    account::{Account, AccountHandle, AccountKey},
    class::ClassIndex,
    core::{Blocked, Core},
    grant::Grant,
    line::{Line, Ticket},
};
use crate::util::WakeList;

/// How far one serving looks behind a head that cannot be served.
const SCAN_MAX: usize = 64;
/// How often one serving goes back to accounts that it woke itself.
const ROUNDS_MAX: usize = 4;

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// One block of this class, or of the next one up.
    Block(ClassIndex),
    /// Blocks of any class that together hold so many bytes.
    Chain(usize),
    /// So many bytes without a block.
    Reservation(usize),
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
    /// Whether more may be out than the pool's own limit.
    is_over: bool,
}

struct Entry {
    account: AccountHandle,
    request: Request,
    state: State,
}

enum State {
    Waiting { at: Option<AccountKey>, waker: Waker },
    Granted { grant: Grant, since: Instant },
    TakenBack,
}

/// How a wait goes.
pub(super) enum Progress {
    Granted(Grant),
    /// It was granted, and not collected in time.
    TakenBack,
    /// `holds` says that it holds back those behind it, which it must end in time.
    Waiting {
        holds: bool,
    },
}

/// What must happen after the queue is unlocked: a waker or the drop of a grant may run anybody's code.
#[must_use]
pub(super) struct Done {
    wakers: WakeList,
    grants: Vec<Grant>,
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
            is_over: false,
        }
    }

    /// Entries that wait for the pool, not for room in an account.
    pub(super) fn waiting_for_pool(&self) -> usize {
        self.pool.tickets.len()
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

    /// Collects a grant, or says how the wait goes on. Keeps the waker for next time; the one returned is to be dropped without
    /// the lock.
    pub(super) fn poll(&mut self, ticket: Ticket, waker: Waker) -> (Progress, Waker) {
        let entry = self.entries.get_mut(&ticket).expect("a ticket is good until it is collected");
        match &mut entry.state {
            State::Waiting { at, waker: old } => {
                let line = match at {
                    None => Some(&self.pool),
                    Some(key) => self.accounts.get(key),
                };
                let holds = line.is_some_and(|line| line.is_held_by(ticket));
                (Progress::Waiting { holds }, std::mem::replace(old, waker))
            }
            State::Granted { since, .. } => {
                self.grants.remove(&(*since, ticket));
                let entry = self.entries.remove(&ticket);
                let Some(Entry { state: State::Granted { grant, .. }, .. }) = entry else {
                    unreachable!("it was granted just now");
                };
                (Progress::Granted(grant), waker)
            }
            State::TakenBack => {
                self.entries.remove(&ticket);
                (Progress::TakenBack, waker)
            }
        }
    }

    /// The head has held the others back for long enough.
    pub(super) fn end_hold(&mut self, core: &Core, ticket: Ticket) -> Done {
        let mut woken = Vec::new();
        match self.entries.get(&ticket).map(|entry| &entry.state) {
            Some(State::Waiting { at: None, .. }) => self.pool.end_hold(),
            Some(&State::Waiting { at: Some(key), .. }) => {
                self.accounts.get_mut(&key).into_iter().for_each(Line::end_hold);
                woken.push(key);
            }
            _ => {}
        }
        self.serve(core, woken)
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

    /// The pool's own limit was changed: sees to it that blocks which are out above a lower one are not leased again from a magazine.
    pub(super) fn watch_limit(&mut self, core: &Core) -> Done {
        self.is_over = true;
        self.serve(core, Vec::new())
    }

    /// Serves somebody outside the queue, if that passes nobody who must not be passed.
    pub(super) fn serve_outsider(
        &mut self,
        core: &Core,
        account: &AccountHandle,
        request: Request,
        blocked: Blocked,
    ) -> (Result<Grant, Blocked>, Done) {
        let mut done = self.serve(core, Vec::new());
        // Whoever is let past the line of its account is past the pool's too.
        let is_open = self.pool.may_pass()
            && match &blocked {
                Blocked::Pool => true,
                Blocked::Account(refused) => self.accounts.get(&refused.at).is_some_and(Line::may_pass),
            };
        if !is_open {
            return (Err(blocked), done);
        }
        let mut woken = Vec::new();
        let leased = core.lease_request(account, request, true, &mut woken);
        if leased.is_ok() {
            self.pool.pass();
            if let Blocked::Account(refused) = &blocked
                && let Some(line) = self.accounts.get_mut(&refused.at)
            {
                line.pass();
                woken.push(refused.at);
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
                self.serve_account(core, key, &mut done);
            }
            self.serve_pool(core, &mut woken, &mut done);
            if self.raise(core, &mut done) {
                // What came home to a magazine since the attempt is in the slab now.
                self.serve_pool(core, &mut woken, &mut done);
            }
            if woken.is_empty() {
                break;
            }
        }
        for key in woken {
            // Room that came and went in every round: from the pool's line, the next return serves whoever has it then.
            self.serve_account(core, key, &mut done);
            self.raise(core, &mut done);
        }
        self.is_over = self.is_over && core.is_over_limit();
        if self.pool.tickets.is_empty() && !self.is_over && self.raised {
            self.raised = false;
            core.set_waiting(false);
        }
        if let Some(holder) = self.pool.new_holder() {
            self.wake(holder, &mut done);
        }
        done
    }

    /// Wakes a waiter that is not granted anything: it polls again, and leaves its waker again.
    fn wake(&mut self, ticket: Ticket, done: &mut Done) {
        if let Some(Entry { state: State::Waiting { waker, .. }, .. }) = self.entries.get_mut(&ticket) {
            done.wakers.push(std::mem::replace(waker, Waker::noop().clone()));
        }
    }

    /// Flags the pool once it is certain that somebody waits for it, or that it may be over its limit; whether that was news.
    fn raise(&mut self, core: &Core, done: &mut Done) -> bool {
        let is_awaited = !self.pool.tickets.is_empty();
        let is_news = (is_awaited || self.is_over) && !self.raised;
        done.raised |= is_awaited && (is_news || self.is_over);
        if is_news {
            self.raised = true;
            core.set_waiting(true);
        }
        is_news
    }

    /// Moves those to the pool's line whose account has room again.
    fn serve_account(&mut self, core: &Core, key: AccountKey, done: &mut Done) {
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
            let has_room = core.has_room_at(key, &entry.account, entry.request, promised);
            if has_room {
                promised = bytes.saturating_add(promised);
                moved.push(ticket);
                passes -= u32::from(head_blocked);
            } else {
                head_blocked = true;
            }
        }
        line.passes_left = passes;
        let holder = line.new_holder();
        for ticket in moved {
            let entry = self.entries.get_mut(&ticket).expect("a ticket in line has an entry (IN-LINE)");
            if let State::Waiting { at, .. } = &mut entry.state {
                *at = None;
            }
            let account = entry.account.clone();
            self.pool.tickets.insert(ticket);
            self.leave_account(ticket, key, &account);
        }
        if let Some(holder) = holder {
            self.wake(holder, done);
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
                Ok(grant) => {
                    if head_blocked {
                        self.pool.pass();
                    }
                    self.pool.remove(ticket);
                    self.grant(ticket, grant, done);
                }
                Err(Blocked::Account(refused)) => {
                    // Room at an account that let it through is no longer promised to it.
                    let through = entry.account.line().map(Account::key).filter(|key| *key != refused.at);
                    woken.extend(through.filter(|key| self.accounts.contains_key(key)));
                    self.pool.remove(ticket);
                    self.line_up(core, ticket, refused.at, woken);
                    // It may come in front of one that holds the others back.
                    if let Some(holder) = self.accounts.get_mut(&refused.at).and_then(Line::new_holder) {
                        self.wake(holder, done);
                    }
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
        entry.account.find(key).expect("an account is blocked by one above it").set_waiters(true);
        // A refund before the flag was set woke nobody; look once more.
        if core.has_room_at(key, &entry.account, entry.request, 0) {
            woken.push(key);
        }
    }

    /// Takes a ticket out of an account's line; an empty line goes, and its flag with it.
    fn leave_account(&mut self, ticket: Ticket, key: AccountKey, account: &AccountHandle) {
        let Some(line) = self.accounts.get_mut(&key) else { return };
        line.remove(ticket);
        if line.tickets.is_empty() {
            self.accounts.remove(&key);
            if let Some(at) = account.find(key) {
                at.set_waiters(false);
            }
        }
    }

    fn grant(&mut self, ticket: Ticket, grant: Grant, done: &mut Done) {
        let since = Instant::now();
        let entry = self.entries.get_mut(&ticket).expect("a ticket in line has an entry (IN-LINE)");
        let state = std::mem::replace(&mut entry.state, State::Granted { grant, since });
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
                && let State::Granted { grant, .. } = std::mem::replace(&mut entry.state, State::TakenBack)
            {
                done.grants.push(grant);
            }
        }
    }
}

impl Done {
    fn new() -> Self {
        Self { wakers: WakeList::default(), grants: Vec::new(), entries: Vec::new(), raised: false }
    }

    fn join(&mut self, mut other: Done) {
        self.wakers.append(&mut other.wakers);
        self.grants.append(&mut other.grants);
        self.entries.append(&mut other.entries);
        self.raised |= other.raised;
    }

    /// Wakes and drops what the queue let go of; call it without any lock.
    pub(super) fn finish(self, core: &Core) {
        core.note_leased(self.raised);
        self.wakers.wake_all();
    }
}
