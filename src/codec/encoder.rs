//! `Encoder`: items into a chain.

use std::io;

use crate::chain::ChainMut;

/// Writes items to the end of a chain that is being sent.
///
/// [`ChainMut::push`] and [`ChainMut::append`] link a payload without copying it. For what must be written, lease room first with
/// [`ChainMut::try_reserve`], or write by [`io::Write`], which leases as it goes: both fail when memory is short, and
/// [`bytes::BufMut`] alone panics without room. A sink has [`HEAD_ROOM`] bytes of room ready for each item, so a head always fits.
///
/// # Examples
/// ```
/// use std::io::{self, Write};
///
/// use leasehold::{Chain, ChainMut, codec::Encoder};
///
/// /// A line that says how long the payload is, and the payload.
/// struct Sized;
///
/// impl Encoder<Chain> for Sized {
///     type Error = io::Error;
///
///     fn encode(&mut self, item: Chain, dst: &mut ChainMut) -> io::Result<()> {
///         writeln!(dst, "{}", item.len())?;
///         dst.append(item);
///         Ok(())
///     }
/// }
/// ```
pub trait Encoder<Item> {
    /// Why an item cannot be encoded. Errors of the transport and of memory arrive as [`io::Error`].
    type Error: From<io::Error>;

    /// Writes `item` to the end of `dst`.
    ///
    /// # Errors
    /// The item cannot be encoded, or there is no memory for it. Whoever sends it has lost it then; an encoder leaves `dst` as it was.
    fn encode(&mut self, item: Item, dst: &mut ChainMut) -> Result<(), Self::Error>;
}

/// Bytes of room that a sink has ready before it encodes an item, and waits for if memory is short.
pub const HEAD_ROOM: usize = 256;
