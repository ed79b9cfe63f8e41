//! The wait for members of a hub that keep up.

use std::task::{Context, Poll, ready};

use super::{mailbox::Room, shared::Shared};
use crate::sync::Sleep;

/// Ready when, from the member at `index` on, every member has room or has not moved lately.
///
/// Goes through the list once: a member that had room a moment ago keeps up.
pub(super) fn poll_room(
    shared: &Shared,
    cost: usize,
    index: &mut u32,
    timer: &mut Option<Sleep>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let slow_member_timeout = shared.settings.slow_member_timeout;
    while let Some(member) = shared.member(*index) {
        if let Some(mailbox) = member
            && let Room::Full(moved) =
                mailbox.room(cx, cost, shared.settings.max_queued, slow_member_timeout)
            && let Some(left) =
                slow_member_timeout.checked_sub(moved.elapsed()).filter(|left| !left.is_zero())
        {
            // The mailbox has the waker for a move; the timer wakes if there is none.
            ready!(timer.insert(Sleep::new(left)).poll_passed(cx));
            continue;
        }
        *timer = None;
        *index += 1;
    }
    Poll::Ready(())
}
