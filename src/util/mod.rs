//! Types that several modules need.

mod after_unlock;
mod bell;
mod clock;
mod millis;
mod slots;
mod timers;
pub(crate) mod wake_list;
mod wheel;

pub(crate) use self::{
    after_unlock::AfterUnlock,
    bell::Bell,
    clock::{Clock, TICK},
    millis::Millis,
    slots::{SlotId, Slots},
    timers::Timers,
    wake_list::WakeList,
    wheel::Wakes,
};
