//! `Shared`: the members of a hub.
//!
//! # Invariants
//! - IN-ORDER: messages are put into all mailboxes under one lock, so that all members get them in
//!   the same order.
//! - SHARE: the holders of a message share its memory in equal parts. When more than half of the
//!   hub's limit is in use, members whose share is above the average are put out. If the peer of
//!   such a member does not read, it is cut, so that the memory comes home as soon as the member's
//!   task runs.

use std::sync::Arc;

use super::{
    broadcast::Broadcast,
    hub_builder::HubBuilder,
    mailbox::{Leave, Mailbox, Messages},
};
use crate::{
    pool::{Account, LeaseError},
    sync::{Mutex, MutexGuard},
    util::{AfterUnlock, Millis, SlotId, Slots},
};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) account: Account,
    pub(super) settings: HubBuilder,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    mailboxes: Slots<Arc<Mailbox>>,
    is_closed: bool,
}

impl Shared {
    pub(super) fn new(account: Account, settings: HubBuilder) -> Self {
        Self { account, settings, members: Mutex::default() }
    }

    /// A mailbox for a new member.
    pub(super) fn join(&self) -> (Arc<Mailbox>, SlotId) {
        let mailbox = Arc::new(Mailbox::new());
        let mut members = self.members.lock();
        if members.is_closed {
            mailbox.leave(Leave::HubClosed, &mut AfterUnlock::default());
        }
        let place = members.mailboxes.insert(Arc::clone(&mailbox));
        (mailbox, place)
    }

    pub(super) fn leave(&self, place: SlotId) {
        let mailbox = self.members.lock().mailboxes.remove(place).expect("a member leaves once");
        let mut after = AfterUnlock::default();
        mailbox.leave(Leave::Gone, &mut after);
        after.finish();
    }

    pub(super) fn count(&self) -> usize {
        self.members.lock().mailboxes.count()
    }

    /// The member at this place in the list, if there is one; none at the end of the list.
    pub(super) fn member(&self, index: u32) -> Option<Option<Arc<Mailbox>>> {
        let members = self.members.lock();
        (index < members.mailboxes.places()).then(|| members.mailboxes.at(index).cloned())
    }

    /// Charges a message to the hub. Without room, the member with the largest share is put out,
    /// and so on, until as much as the message needs comes home.
    pub(super) fn charge(&self, message: &Broadcast) -> Result<(), LeaseError> {
        loop {
            match message.payload.charge_to(&self.account) {
                Err(error) if error.is_over_limit() && self.evict_largest(message) => {}
                charged => return charged,
            }
        }
    }

    /// Puts a message into all mailboxes; returns how many took it.
    pub(super) fn post(&self, message: &Arc<Broadcast>) -> usize {
        let now = Millis::now();
        let mut after = AfterUnlock::default();
        let count = {
            let members = self.members.lock();
            let count = members
                .iter()
                .filter(|member| member.post(message, now, &self.settings, &mut after))
                .count();
            self.relieve(&members, &mut after);
            count
        };
        after.finish();
        count
    }

    /// Takes no more messages, and puts all members out.
    pub(super) fn close(&self, why: Leave) {
        let mut after = AfterUnlock::default();
        {
            let mut members = self.members.lock();
            members.is_closed = true;
            members.iter().for_each(|member| member.leave(why, &mut after));
        }
        after.finish();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.members.lock().is_closed
    }

    /// SHARE
    fn relieve(&self, members: &MutexGuard<'_, Members>, after: &mut AfterUnlock<Messages>) {
        let limit = self.account.limit_of_all();
        if self.account.leased() <= limit / 2 {
            return;
        }
        let share = limit / members.mailboxes.count().max(1);
        members
            .iter()
            .filter(|member| member.share() > share)
            .for_each(|member| member.leave(Leave::OverShare, after));
    }

    /// Puts the member with the largest share out. Returns false if no member holds anything, or if
    /// members that are out already hold as much as this message needs: to put out more members
    /// would bring nothing home sooner.
    fn evict_largest(&self, message: &Broadcast) -> bool {
        let mut after = AfterUnlock::default();
        let largest = {
            let members = self.members.lock();
            let (out, inside): (Vec<_>, Vec<_>) = members
                .iter()
                .map(|member| (member.share(), member))
                .partition(|(_, member)| member.is_cut());
            let coming: usize = out.iter().map(|(share, _)| share).sum();
            let largest = inside.into_iter().max_by_key(|(share, _)| *share);
            let largest = largest.filter(|(share, _)| *share > 0 && coming < message.pinned);
            largest.map(|(_, member)| member.leave(Leave::OverShare, &mut after))
        };
        after.finish();
        largest.is_some()
    }
}

impl Members {
    fn iter(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.mailboxes.iter()
    }
}
