//! Who waits, and in which order. Knows no block and no account: what is granted is a type of the
//! floor above.

mod granter;
mod lane;
mod queue;

pub(in crate::pool) use self::{
    granter::{Blocked, Granter},
    lane::{HOLD_MAX, Ticket},
    queue::{Done, Progress, WaitQueue},
};
