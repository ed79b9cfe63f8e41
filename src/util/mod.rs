//! Types that several modules need.

mod bell;
pub(crate) mod wake_list;

pub(crate) use self::{bell::Bell, wake_list::WakeList};
