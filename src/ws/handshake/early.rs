//! Early bytes: those behind the head that a handshake has read too many.

use std::future::poll_fn;

use bytes::Buf;

use crate::{
    chain::ChainMut,
    http::Copying,
    pool::{Account, LeaseError},
};

/// Copies them into blocks of `pool`, so that they are charged, and lets go of the buffer that they
/// came in.
///
/// # Errors
/// No memory was to be had within the pool's `max_wait`, or they are more than the account may ever
/// hold.
///
/// # Cancel safety
/// Not cancel safe: what was copied is lost, with the rest.
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
