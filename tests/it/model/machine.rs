//! `Machine`: a pool and its model, and how a step goes on both.

use std::{collections::BTreeSet, task::Poll, time::Duration};

use bytes::BufMut;
use leasehold::{Account, Backing, LeaseError, Pool, metrics::Exporter};
use tokio::runtime::{self, Runtime};

use super::{
    elsewhere::Elsewhere,
    ledger::{LIMIT_MAX, Ledger, least_for},
    range::{BlockId, Range},
    ranges::Ranges,
    step::{CLASSES, Setting, Step, Verb},
    tally::Tally,
    thing::Thing,
    waiter::{Got, Waiter, Want},
};

/// Accounts that are open or charged; statistics list all of them.
const ACCOUNTS_MAX: usize = 6;
const THINGS_MAX: usize = 16;
const WAITERS_MAX: usize = 5;

pub(crate) struct Machine {
    /// None once it was closed.
    pool: Option<Pool>,
    pub(crate) ledger: Ledger,
    pub(crate) things: Vec<Thing>,
    waiters: Vec<Waiter>,
    pub(crate) elsewhere: Elsewhere,
    /// Milliseconds.
    now: u64,
    /// Tells what is written apart.
    pub(crate) written: u8,
    pub(crate) tally: Tally,
    exporter: Exporter,
    runtime: Runtime,
}

impl Machine {
    pub(crate) fn new(setting: Setting) -> Self {
        let backing = if setting.is_mapped && cfg!(target_os = "linux") {
            Backing::Mapped
        } else {
            Backing::Heap
        };
        let mut builder = Pool::builder()
            .budget(256 << 10)
            .classes(CLASSES)
            .shards(setting.shards)
            .backing(backing);
        if !setting.has_magazines {
            builder = builder.magazine(0);
        }
        let pool = builder.build().expect("a pool");
        pool.set_limit(setting.limit);
        let exporter = Exporter::new(&pool);
        let mut ledger = Ledger::default();
        ledger.open(Account::clone(&pool), None, setting.limit);
        Self {
            pool: Some(pool),
            ledger,
            things: Vec::new(),
            waiters: Vec::new(),
            elsewhere: Elsewhere::new(),
            now: 0,
            written: 0,
            tally: Tally::default(),
            exporter,
            runtime: runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime"),
        }
    }

    pub(crate) fn run(mut self, setting: Setting, steps: &[Step]) -> Tally {
        let handle = self.runtime.handle().clone();
        let _guard = handle.enter();
        for &step in steps {
            let before = self.ledger.charges.clone();
            self.step(step);
            self.ledger.settle(&self.things);
            let granted = self.collect() || step.verb == Verb::DropAndCancel;
            self.assert_is_modelled(granted);
            self.ledger.assert_within_limits(&before);
        }
        let tally = Tally { steps: steps.len(), ..self.tally };
        self.end(setting);
        tally
    }

    fn step(&mut self, step: Step) {
        let Step { verb, one, other, len, is_elsewhere } = step;
        match verb {
            Verb::Lease => self.lease(one, Want::Block(len), is_elsewhere),
            Verb::LeaseChain => self.lease(one, Want::Chain(len.min(9_000)), is_elsewhere),
            // Now and then all that is left, or one byte more.
            Verb::Reserve if other.is_multiple_of(4) => {
                let room = self.ledger.room(self.account(one).0);
                self.lease(one, Want::Reservation(room + len % 2), is_elsewhere);
            }
            Verb::Reserve => self.lease(one, Want::Reservation(len), is_elsewhere),
            Verb::LayCover => self.lay_credit(one, len),
            Verb::AwaitBlock => self.wait(one, Want::Block(len), other),
            Verb::AwaitChain => self.wait(one, Want::Chain(len.min(9_000)), other),
            Verb::AwaitReservation => self.wait(one, Want::Reservation(len), other),
            Verb::Cancel => self.cancel(one),
            Verb::Open => self.open(one, 1_000 + len * 4),
            Verb::Close => self.close(one, is_elsewhere),
            Verb::Limit => self.limit(one, len * 4),
            Verb::Sleep => {
                let ms = len as u64 / 4;
                self.now += ms;
                self.runtime.block_on(tokio::time::advance(Duration::from_millis(ms)));
            }
            Verb::Trim => drop(self.pool().trim()),
            _ if !self.things.is_empty() => {
                let thing = self.things.swap_remove(one % self.things.len());
                self.step_thing(step, thing);
            }
            _ => {}
        }
    }

    // ---- accounts -------------------------------------------------------------------------------

    fn pool(&self) -> &Pool {
        self.pool.as_ref().expect("it is closed at the end")
    }

    /// One of the accounts that are open.
    pub(crate) fn account(&self, one: usize) -> (usize, Account) {
        let accounts = self.ledger.accounts.iter().enumerate();
        let open: Vec<_> =
            accounts.filter_map(|(at, account)| Some((at, account.handle.clone()?))).collect();
        open[one % open.len()].clone()
    }

    fn open(&mut self, parent: usize, limit: usize) {
        let (parent, pool) = self.account(parent);
        let accounts = self.ledger.accounts.iter().zip(&self.ledger.charges);
        if accounts.filter(|(account, charge)| account.handle.is_some() || **charge > 0).count()
            < ACCOUNTS_MAX
        {
            let child = pool.account(format!("account {}", self.ledger.accounts.len()), limit);
            self.ledger.open(child, Some(parent), limit);
        }
    }

    fn close(&mut self, one: usize, is_elsewhere: bool) {
        let (account, pool) = self.account(one);
        if account > 0 {
            let handle = self.ledger.accounts[account].handle.take();
            self.elsewhere.run(is_elsewhere, move || drop((pool, handle)));
        }
    }

    fn limit(&mut self, one: usize, limit: usize) {
        let (account, pool) = self.account(one);
        let limit = if account == 0 { limit.min(LIMIT_MAX) } else { limit };
        pool.set_limit(limit);
        self.ledger.accounts[account].limit = limit;
    }

    // ---- leasing --------------------------------------------------------------------------------

    fn lease(&mut self, one: usize, want: Want, is_elsewhere: bool) {
        let (account, pool) = self.account(one);
        if self.things.len() == THINGS_MAX {
            return;
        }
        match self.elsewhere.run(is_elsewhere, move || want.try_in(&pool)) {
            Ok(got) => self.take(account, want, got),
            Err(error) => self.assert_refused_rightly(account, want, &error),
        }
    }

    fn lay_credit(&mut self, one: usize, len: usize) {
        let (account, pool) = self.account(one);
        if self.things.len() == THINGS_MAX {
            return;
        }
        match pool.try_credit(len) {
            Ok(credit) => {
                self.ledger.accounts[account].credit += len;
                self.things.push(Thing::Credit(credit, account, len));
            }
            Err(error) => self.assert_refused_rightly(account, Want::Reservation(len), &error),
        }
    }

    pub(crate) fn assert_refused_rightly(
        &mut self,
        account: usize,
        want: Want,
        error: &LeaseError,
    ) {
        self.tally.refused += 1;
        self.ledger.assert_refused_rightly(account, want, error, !self.waiters.is_empty());
    }

    pub(crate) fn assert_not_moved_rightly(&mut self, to: usize, blocks: &BTreeSet<BlockId>) {
        self.tally.unmoved += 1;
        self.ledger.assert_not_moved_rightly(to, blocks, !self.waiters.is_empty());
    }

    /// Notes what somebody got.
    fn take(&mut self, account: usize, want: Want, got: Got) {
        self.tally.leased += 1;
        let thing = match got {
            Got::Block(block) => {
                assert_eq!(
                    block.capacity(),
                    least_for(want),
                    "a block of the class that holds so many"
                );
                let range = self.fresh(account, block.capacity());
                Thing::Mut(block, range)
            }
            Got::Chain(chain) => {
                let mut ranges = Ranges::default();
                assert!(chain.remaining_mut() >= least_for(want), "{want:?}: {chain:?}");
                let room = self.fresh_room(account, chain.remaining_mut());
                ranges.add_room(room);
                Thing::ChainMut(chain, ranges, Some(account))
            }
            Got::Reservation(reservation) => Thing::Reserved(reservation, account, least_for(want)),
        };
        self.things.push(thing);
    }

    fn fresh(&mut self, account: usize, capacity: usize) -> Range {
        self.ledger.draw(account, capacity);
        Range::fresh(self.ledger.lend(capacity, account), capacity)
    }

    /// The blocks that were leased together for so much room, the largest first: the last digit
    /// counts the large ones, the one before the others.
    pub(crate) fn fresh_room(&mut self, account: usize, room: usize) -> Vec<Range> {
        let [small, middle, large] = CLASSES;
        let large_count = room % 10;
        let left = room - large_count * large;
        let middle_count = left / 10 % 10;
        let small_count = (left - middle_count * middle) / small;
        assert_eq!(
            small_count * small + middle_count * middle + large_count * large,
            room,
            "a room of whole blocks"
        );
        let capacities = [(large, large_count), (middle, middle_count), (small, small_count)];
        let capacities = capacities
            .into_iter()
            .flat_map(|(capacity, count)| std::iter::repeat_n(capacity, count));
        capacities.map(|capacity| self.fresh(account, capacity)).collect()
    }

    // ---- waiting --------------------------------------------------------------------------------

    fn wait(&mut self, one: usize, want: Want, time: usize) {
        let (account, pool) = self.account(one);
        if self.waiters.len() < WAITERS_MAX {
            let within = 1 << time; // up to half a minute
            let mut waiter = Waiter::new(&pool, account, want, self.now, within);
            match waiter.wait.poll() {
                Poll::Pending => self.waiters.push(waiter),
                Poll::Ready(Ok(got)) => self.take(account, want, got),
                Poll::Ready(Err(error)) => {
                    assert!(error.is_too_large(), "a wait begins, or never will: {error}");
                    self.assert_refused_rightly(account, want, &error);
                }
            }
        }
    }

    pub(crate) fn cancel(&mut self, one: usize) {
        if !self.waiters.is_empty() {
            drop(self.waiters.remove(one % self.waiters.len()));
        }
    }

    /// Polls whoever was woken; whether somebody was granted something.
    fn collect(&mut self) -> bool {
        let mut granted = false;
        while let Some(at) = self.waiters.iter().position(|waiter| waiter.wait.is_woken()) {
            let Poll::Ready(ready) = self.waiters[at].wait.poll() else { continue };
            let Waiter { account, want, deadline, .. } = self.waiters.remove(at);
            match ready {
                Ok(got) => {
                    self.take(account, want, got);
                    self.tally.granted += 1;
                    granted = true;
                }
                Err(error) => {
                    assert!(
                        error.is_deadline_passed() && deadline <= self.now,
                        "{want:?}: {error}"
                    );
                    self.tally.expired += 1;
                }
            }
        }
        self.ledger.settle(&self.things);
        granted
    }

    // ---- comparing ------------------------------------------------------------------------------

    fn assert_is_modelled(&mut self, granted: bool) {
        if granted {
            self.learn_covers();
        }
        self.things.iter().for_each(Thing::assert_is_modelled);
        self.assert_accounts_are_modelled(granted);
        let stats = self.pool().stats();
        assert_eq!(
            (stats.leased, stats.reserved),
            (self.ledger.charges[0], self.ledger.reserved())
        );
        for class in &stats.classes {
            let count = self
                .ledger
                .blocks
                .values()
                .filter(|block| block.capacity == class.block_len)
                .count();
            assert_eq!(class.leased, count, "blocks of {}", class.block_len);
        }
        assert!(
            stats.leased - stats.reserved + stats.cached <= stats.mapped
                && stats.mapped <= stats.budget,
            "{stats:?}"
        );
        assert_eq!(stats.waiting, self.waiters.len());
        assert!(
            self.waiters.iter().all(|waiter| waiter.deadline + 1 >= self.now),
            "every wait ends"
        );
        if let Some(first) = self.waiters.first() {
            assert!(
                !self.ledger.must_give(first.account, first.want),
                "{:?} is left waiting",
                first.want
            );
        }
    }

    /// Each account is charged what the model adds up to; statistics list those that are charged
    /// something, open or not.
    fn assert_accounts_are_modelled(&mut self, granted: bool) {
        let mut listed = self.pool().stats().accounts;
        for (account, &charge) in self.ledger.accounts.iter_mut().zip(&self.ledger.charges) {
            if let Some(handle) = &account.handle {
                assert_eq!(
                    (handle.leased(), handle.limit()),
                    (charge, account.limit),
                    "{}",
                    account.name
                );
            }
            if account.parent.is_none() {
                continue;
            }
            let place = listed.iter().position(|stats| stats.name == account.name);
            assert_eq!(
                place.is_some(),
                charge > 0,
                "{} is listed while it is charged",
                account.name
            );
            // Who was served in the middle of a step may have had its bytes beside others that went
            // later, or have gone itself.
            let known = account.peak.filter(|_| !granted).map(|peak| peak.max(charge));
            account.peak = place.map_or(known, |place| {
                let stats = listed.swap_remove(place);
                assert_eq!(
                    (stats.leased, stats.limit),
                    (charge, account.limit),
                    "{}",
                    account.name
                );
                assert!(known.is_none_or(|peak| peak == stats.peak), "{stats:?}: {known:?}");
                Some(stats.peak)
            });
        }
        assert!(listed.is_empty(), "{listed:?} are gone");
    }

    /// In which order those who waited drew from credits is the pool's to say.
    fn learn_covers(&mut self) {
        for thing in &self.things {
            if let Thing::Credit(credit, account, _) = thing {
                self.ledger.accounts[*account].credit = credit.left();
            }
        }
        self.ledger.settle(&self.things);
    }

    // ---- the end --------------------------------------------------------------------------------

    /// Everybody goes; then all is home, and the pool ends.
    fn end(mut self, setting: Setting) {
        self.waiters.clear();
        if setting.closes_first {
            self.pool = None;
            self.ledger.accounts.iter_mut().for_each(|account| account.handle = None);
        }
        while let Some(thing) = self.things.pop() {
            thing.assert_is_modelled();
            self.elsewhere.run(self.things.len().is_multiple_of(2), move || drop(thing));
        }
        for account in &self.ledger.accounts {
            assert_eq!(account.handle.as_ref().map_or(0, Account::leased), 0, "{}", account.name);
        }
        self.pool = None;
        self.ledger.accounts.clear();
        let gone = self.exporter.export_every(Duration::from_secs(1));
        let gone = self.runtime.block_on(tokio::time::timeout(Duration::from_secs(10), gone));
        gone.expect("a pool ends when its last handle is gone and its last block is home");
    }
}
