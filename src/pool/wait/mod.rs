//! The waiters and their order. The queue knows no block and no account: what it grants is a type
//! of the stratum above.

mod entry;
mod granter;
mod lane;
mod queue;
mod served;

pub(in crate::pool) use self::{
    granter::{Blocked, Granter},
    lane::{HOLD_MAX, Ticket},
    queue::{Progress, WaitQueue},
    served::Served,
};
