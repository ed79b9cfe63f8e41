//! `Encoder`: items into a chain.

use std::io;

use crate::chain::ChainMut;

/// Writes items to the end of a chain that is being sent.
///
/// [`ChainMut::push`] and [`ChainMut::append`] link a payload without copying it. For what must be
/// written, lease room first with [`ChainMut::try_reserve`], or write by [`io::Write`], which
/// leases as it goes: both fail when memory is short, and [`bytes::BufMut`] alone panics without
/// room. A sink has [`head_room`](Self::head_room) bytes of room ready for each item, so a head
/// always fits.
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
    /// Why an item cannot be encoded. Errors of the transport and of memory arrive as
    /// [`io::Error`].
    type Error: From<io::Error>;

    /// Writes `item` to the end of `dst`.
    ///
    /// # Errors
    /// The item cannot be encoded, or there is no memory for it. Whoever sends it has lost it then;
    /// an encoder leaves `dst` as it was.
    fn encode(&mut self, item: Item, dst: &mut ChainMut) -> Result<(), Self::Error>;

    /// How many bytes of room a sink is to have ready for each item, and waits for if memory is
    /// short; [`HEAD_ROOM`] by default.
    ///
    /// 0 for an encoder that needs none: then an item can still be sent when its own blocks are all
    /// that its account, or the whole pool, has. A few bytes of a head can be linked as
    /// [`bytes::Bytes`] where there is no room for them.
    fn head_room(&self) -> usize {
        HEAD_ROOM
    }
}

/// Bytes of room that a sink has ready for an item, unless its encoder says otherwise.
pub const HEAD_ROOM: usize = 256;
