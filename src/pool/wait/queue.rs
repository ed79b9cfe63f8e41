//! The requests that wait for memory, in order.
//!
//! A request waits in the pool's lane, or in the lane of the limit that it met. A limit gets room
//! when its own memory comes home, so its requests must not hold up the others. Both lanes are
//! first come, first served, and no request outside a lane passes it. Grants are handed over, not
//! announced: a grant belongs to the waiter before the waiter is woken.
//!
//! The [`Granter`] says what is granted, and which holder is under which limit.
//!
//! # Invariants
//! - IN-LINE: the ticket of a waiting entry is in exactly one lane. The ticket of a granted entry
//!   is in none.
//! - FLAGGED: while the pool's lane is not empty, or more is out than the lowered limit of the
//!   pool's own account, all leases and returns meet the queue. While the lane of a limit is not
//!   empty, everything that gives room back there meets the queue.
//! - DEADLINE: every entry leaves at its deadline at the latest. How long a head may hold the
//!   others back is in `lane` (NO-FREEZE).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    task::Waker,
    time::{Duration, Instant},
};

use super::{
    entry::{Entry, WaitState},
    granter::{Blocked, Granted, Granter},
    lane::{Lane, Ticket},
    served::Served,
};

/// How many entries one serving looks at behind a head that cannot be served.
const SCAN_MAX: usize = 64;
/// How often one serving returns to limits that it woke itself.
const ROUNDS_MAX: usize = 4;

pub(in crate::pool) struct WaitQueue<G: Granter> {
    next: u64,
    entries: BTreeMap<Ticket, Entry<G>>,
    pool: Lane,
    limits: HashMap<G::Limit, Lane>,
    /// Grants that wait to be collected, oldest first.
    grants: BTreeSet<(Instant, Ticket)>,
    /// Whether the pool is flagged (FLAGGED).
    raised: bool,
    /// Whether more may be out than the limit of the pool's own account.
    is_over: bool,
}

/// The progress of a wait.
pub(in crate::pool) enum Progress<T> {
    Granted(T),
    /// It was granted, and the grant was taken back because it was not collected in time.
    TakenBack,
    /// `holds` says that it holds back the waiters behind it. It must stop that in time.
    Waiting {
        holds: bool,
    },
}

impl<G: Granter> WaitQueue<G> {
    pub(in crate::pool) fn new() -> Self {
        Self {
            next: 0,
            entries: BTreeMap::new(),
            pool: Lane::new(),
            limits: HashMap::new(),
            grants: BTreeSet::new(),
            raised: false,
            is_over: false,
        }
    }

    /// The number of entries that wait for the pool, and not for room under a limit.
    pub(in crate::pool) fn waiting_for_pool(&self) -> usize {
        self.pool.tickets.len()
    }

    /// The number of entries that still wait.
    pub(in crate::pool) fn waiting(&self) -> usize {
        self.pool.tickets.len() + self.limits.values().map(|lane| lane.tickets.len()).sum::<usize>()
    }

    /// Joins the lane that `blocked` names, and serves it once, so that memory which came home in
    /// between is not missed.
    pub(in crate::pool) fn join(
        &mut self,
        granter: &G,
        holder: &G::Holder,
        request: G::Request,
        blocked: &Blocked<G::Refused>,
        waker: Waker,
    ) -> (Ticket, Served<G>) {
        let ticket = Ticket(self.next);
        self.next += 1;
        let entry = Entry {
            holder: holder.clone(),
            request,
            state: WaitState::Waiting { at: None, waker },
        };
        self.entries.insert(ticket, entry);
        let mut woken = Vec::new();
        match blocked {
            Blocked::Pool => {
                self.pool.tickets.insert(ticket);
            }
            Blocked::Limit(refused) => {
                self.line_up(granter, ticket, G::limit_of(refused), &mut woken)
            }
        }
        (ticket, self.serve(granter, woken))
    }

    /// Collects a grant, or says how the wait goes on. The waker is kept for next time. The waker
    /// that is returned must be dropped without the lock.
    pub(in crate::pool) fn poll(
        &mut self,
        ticket: Ticket,
        waker: Waker,
    ) -> (Progress<G::Grant>, Waker) {
        let entry = self.entries.get_mut(&ticket).expect("a ticket is good until it is collected");
        match &mut entry.state {
            WaitState::Waiting { at, waker: old } => {
                let lane = match at {
                    None => Some(&self.pool),
                    Some(key) => self.limits.get(key),
                };
                let holds = lane.is_some_and(|lane| lane.is_held_by(ticket));
                (Progress::Waiting { holds }, std::mem::replace(old, waker))
            }
            WaitState::Granted { since, .. } => {
                self.grants.remove(&(*since, ticket));
                let entry = self.entries.remove(&ticket);
                let Some(Entry { state: WaitState::Granted { grant, .. }, .. }) = entry else {
                    unreachable!("it was granted just now");
                };
                (Progress::Granted(grant), waker)
            }
            WaitState::TakenBack => {
                self.entries.remove(&ticket);
                (Progress::TakenBack, waker)
            }
        }
    }

    /// Lets others pass again, because the head has held them back for long enough.
    pub(in crate::pool) fn end_hold(&mut self, granter: &G, ticket: Ticket) -> Served<G> {
        let mut woken = Vec::new();
        match self.entries.get(&ticket).map(|entry| &entry.state) {
            Some(WaitState::Waiting { at: None, .. }) => self.pool.end_hold(),
            Some(&WaitState::Waiting { at: Some(key), .. }) => {
                self.limits.get_mut(&key).into_iter().for_each(Lane::end_hold);
                woken.push(key);
            }
            _ => {}
        }
        self.serve(granter, woken)
    }

    /// Leaves the queue. A turn is passed on, and a grant goes home.
    pub(in crate::pool) fn leave(&mut self, granter: &G, ticket: Ticket) -> Served<G> {
        let Some(entry) = self.entries.remove(&ticket) else {
            return Served::new();
        };
        let mut woken = Vec::new();
        match &entry.state {
            WaitState::Waiting { at: None, .. } => {
                self.pool.remove(ticket);
                // The room of a limit that had let it pass was promised to it. It is promised to
                // the next request in the lane now.
                woken.extend(
                    G::limits_of(&entry.holder).filter(|key| self.limits.contains_key(key)),
                );
            }
            WaitState::Waiting { at: Some(key), .. } => {
                self.leave_limit(ticket, *key, &entry.holder);
                woken.push(*key);
            }
            WaitState::Granted { since, .. } => {
                self.grants.remove(&(*since, ticket));
            }
            WaitState::TakenBack => {}
        }
        let mut served = self.serve(granter, woken);
        served.after.dropped.entries.push(entry);
        served
    }

    /// Called when the limit of the pool's own account was changed. Blocks that are out above a
    /// lower limit must not be leased again from a magazine.
    pub(in crate::pool) fn watch_limit(&mut self, granter: &G) -> Served<G> {
        self.is_over = true;
        self.serve(granter, Vec::new())
    }

    /// Serves a request outside the queue, if it passes no waiter that must not be passed.
    pub(in crate::pool) fn serve_outsider(
        &mut self,
        granter: &G,
        holder: &G::Holder,
        request: G::Request,
        blocked: Blocked<G::Refused>,
    ) -> (Granted<G>, Served<G>) {
        let mut served = self.serve(granter, Vec::new());
        // A request that may pass the lane of its limit must be able to pass the pool's lane too.
        let is_open = self.pool.may_pass()
            && match &blocked {
                Blocked::Pool => true,
                Blocked::Limit(refused) => {
                    self.limits.get(&G::limit_of(refused)).is_some_and(Lane::may_pass)
                }
            };
        if !is_open {
            return (Err(blocked), served);
        }
        let mut woken = Vec::new();
        let leased = granter.grant(holder, request, &mut woken);
        if leased.is_ok() {
            self.pool.pass();
            if let Blocked::Limit(refused) = &blocked
                && let Some(lane) = self.limits.get_mut(&G::limit_of(refused))
            {
                lane.pass();
                woken.push(G::limit_of(refused));
            }
        }
        served.join(self.serve(granter, woken));
        (leased, served)
    }

    /// Serves the lanes. The lanes of `woken` limits come first, because they feed the pool's.
    pub(in crate::pool) fn serve(&mut self, granter: &G, mut woken: Vec<G::Limit>) -> Served<G> {
        let mut served = Served::new();
        self.take_back(granter.max_wait(), &mut served);
        for _ in 0..ROUNDS_MAX {
            for key in std::mem::take(&mut woken) {
                self.serve_limit(granter, key, &mut served);
            }
            self.serve_pool(granter, &mut woken, &mut served);
            if self.raise(granter, &mut served) {
                // Blocks that came home to a magazine since the attempt are in the slab now.
                self.serve_pool(granter, &mut woken, &mut served);
            }
            if woken.is_empty() {
                break;
            }
        }
        for key in woken {
            // Room that came and went in every round. The requests that have it then move to the
            // pool's lane, and the next return serves them.
            self.serve_limit(granter, key, &mut served);
            self.raise(granter, &mut served);
        }
        self.is_over = self.is_over && granter.is_over_limit();
        if self.pool.tickets.is_empty() && !self.is_over && self.raised {
            self.raised = false;
            granter.set_waiting(false);
        }
        if let Some(holder) = self.pool.new_holder() {
            self.wake(holder, &mut served);
        }
        served
    }

    /// Wakes a waiter without a grant. It polls again, and leaves its waker again.
    fn wake(&mut self, ticket: Ticket, served: &mut Served<G>) {
        if let Some(Entry { state: WaitState::Waiting { waker, .. }, .. }) =
            self.entries.get_mut(&ticket)
        {
            served.after.wakers.push(std::mem::replace(waker, Waker::noop().clone()));
        }
    }

    /// Flags the pool when it is certain that a request waits for it, or that it may be over its
    /// limit. Returns whether the flag is new.
    fn raise(&mut self, granter: &G, served: &mut Served<G>) -> bool {
        let is_awaited = !self.pool.tickets.is_empty();
        let is_news = (is_awaited || self.is_over) && !self.raised;
        served.raised |= is_awaited && (is_news || self.is_over);
        if is_news {
            self.raised = true;
            granter.set_waiting(true);
        }
        is_news
    }

    /// Moves the requests whose limit has room again to the pool's lane.
    fn serve_limit(&mut self, granter: &G, key: G::Limit, served: &mut Served<G>) {
        let Some(lane) = self.limits.get_mut(&key) else { return };
        lane.begin_serving();
        let mut promised = 0;
        let mut moved = Vec::new();
        let mut head_blocked = false;
        let mut passes = lane.passes_left;
        for &ticket in lane.tickets.iter().take(SCAN_MAX) {
            if head_blocked && passes == 0 {
                break;
            }
            let entry = self.entries.get(&ticket).expect("a ticket in lane has an entry (IN-LINE)");
            let bytes = granter.bytes_of(entry.request);
            let has_room = granter.has_room_at(key, &entry.holder, entry.request, promised);
            if has_room {
                promised = bytes.saturating_add(promised);
                moved.push(ticket);
                passes -= u32::from(head_blocked);
            } else {
                head_blocked = true;
            }
        }
        lane.passes_left = passes;
        let holder = lane.new_holder();
        for ticket in moved {
            let entry =
                self.entries.get_mut(&ticket).expect("a ticket in lane has an entry (IN-LINE)");
            if let WaitState::Waiting { at, .. } = &mut entry.state {
                *at = None;
            }
            let entry_holder = entry.holder.clone();
            self.pool.tickets.insert(ticket);
            self.leave_limit(ticket, key, &entry_holder);
        }
        if let Some(holder) = holder {
            self.wake(holder, served);
        }
    }

    fn serve_pool(&mut self, granter: &G, woken: &mut Vec<G::Limit>, served: &mut Served<G>) {
        self.pool.begin_serving();
        let mut next = Ticket(0);
        let mut head_blocked = false;
        let mut scanned = 0;
        while let Some(&ticket) = self.pool.tickets.range(next..).next() {
            next = Ticket(ticket.0 + 1);
            scanned += 1;
            if head_blocked && (!self.pool.may_pass() || scanned > SCAN_MAX) {
                break;
            }
            let entry = self.entries.get(&ticket).expect("a ticket in lane has an entry (IN-LINE)");
            match granter.grant(&entry.holder, entry.request, woken) {
                Ok(grant) => {
                    if head_blocked {
                        self.pool.pass();
                    }
                    self.pool.remove(ticket);
                    self.grant(ticket, grant, served);
                }
                Err(Blocked::Limit(refused)) => {
                    let met = G::limit_of(&refused);
                    // The room of a limit that had let it pass is no longer promised to it.
                    let through = G::limits_of(&entry.holder).filter(|key| *key != met);
                    woken.extend(through.filter(|key| self.limits.contains_key(key)));
                    self.pool.remove(ticket);
                    self.line_up(granter, ticket, met, woken);
                    // It may come in front of a request that holds the others back.
                    if let Some(holder) = self.limits.get_mut(&met).and_then(Lane::new_holder) {
                        self.wake(holder, served);
                    }
                }
                Err(Blocked::Pool) => head_blocked = true,
            }
        }
    }

    /// Puts a waiting entry into the lane of a limit.
    fn line_up(&mut self, granter: &G, ticket: Ticket, key: G::Limit, woken: &mut Vec<G::Limit>) {
        let entry = self.entries.get_mut(&ticket).expect("a ticket in lane has an entry (IN-LINE)");
        if let WaitState::Waiting { at, .. } = &mut entry.state {
            *at = Some(key);
        }
        self.limits.entry(key).or_insert_with(Lane::new).tickets.insert(ticket);
        G::set_awaited(&entry.holder, key, true);
        // Room that was given back before the flag was set served no waiter, so look once more.
        if granter.has_room_at(key, &entry.holder, entry.request, 0) {
            woken.push(key);
        }
    }

    /// Takes a ticket out of the lane of a limit. An empty lane is removed, and its flag is
    /// cleared.
    fn leave_limit(&mut self, ticket: Ticket, key: G::Limit, holder: &G::Holder) {
        let Some(lane) = self.limits.get_mut(&key) else { return };
        lane.remove(ticket);
        if lane.tickets.is_empty() {
            self.limits.remove(&key);
            G::set_awaited(holder, key, false);
        }
    }

    fn grant(&mut self, ticket: Ticket, grant: G::Grant, served: &mut Served<G>) {
        let since = Instant::now();
        let entry = self.entries.get_mut(&ticket).expect("a ticket in lane has an entry (IN-LINE)");
        let state = std::mem::replace(&mut entry.state, WaitState::Granted { grant, since });
        self.grants.insert((since, ticket));
        if let WaitState::Waiting { waker, .. } = state {
            served.after.wakers.push(waker);
        }
    }

    /// Takes back grants that were not collected for `max_wait`.
    fn take_back(&mut self, max_wait: Duration, served: &mut Served<G>) {
        while let Some(&(since, ticket)) = self.grants.first() {
            if since.elapsed() < max_wait {
                return;
            }
            self.grants.pop_first();
            if let Some(entry) = self.entries.get_mut(&ticket)
                && let WaitState::Granted { grant, .. } =
                    std::mem::replace(&mut entry.state, WaitState::TakenBack)
            {
                served.after.dropped.grants.push(grant);
            }
        }
    }
}
