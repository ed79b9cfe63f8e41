//! Early bytes: those that a handshake has read behind the head.

use std::future::poll_fn;

use bytes::Buf;

use crate::{
    chain::ChainMut,
    http::Copying,
    pool::{Account, LeaseError},
};

/// Copies `bytes` into blocks that are charged to `account`, and frees the buffer it came in.
///
/// # Errors
/// There was no memory within the pool's `max_wait`, or the bytes are more than the account may
/// ever hold.
///
/// # Cancel safety
/// Not cancel safe: the bytes are lost.
pub(in crate::ws) async fn lease_early(
    mut bytes: impl Buf,
    account: &Account,
) -> Result<ChainMut, LeaseError> {
    let mut copying = Copying::new(account);
    while bytes.has_remaining() {
        poll_fn(|cx| copying.poll_copy(cx, &mut bytes, 0)).await?;
    }
    Ok(copying.into_chain())
}
