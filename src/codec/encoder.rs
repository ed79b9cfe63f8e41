//! `Encoder`: items into a chain.

use std::io;

use crate::chain::ChainMut;

/// Writes items to the end of a chain that is sent.
///
/// [`ChainMut::push`] and [`ChainMut::append`] link a payload without copying it. To write other
/// bytes, lease room first with [`ChainMut::try_reserve`], or write with [`io::Write`], which
/// leases as it goes. Both fail when memory is short; [`bytes::BufMut`] panics without room. A sink
/// has [`head_room`](Self::head_room) bytes of room ready for each item, so a head always fits.
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
///
/// # let pool = leasehold::Pool::new(8 << 20).map_err(io::Error::other)?;
/// let mut wire = ChainMut::new(&pool);
/// Sized.encode(bytes::Bytes::from("hello").into(), &mut wire)?;
/// assert_eq!(wire.freeze(), *b"5\nhello");
/// # Ok::<(), io::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not encode `{Item}` into chains",
    label = "is not a `leasehold::codec::Encoder<{Item}>`",
    note = "a codec of tokio-util's traits is framed by `leasehold::codec::compat::Framed`"
)]
pub trait Encoder<Item> {
    /// Why an item cannot be encoded. Errors of the transport and of memory arrive as
    /// [`io::Error`].
    type Error: From<io::Error>;

    /// Writes `item` to the end of `dst`.
    ///
    /// # Errors
    /// The item cannot be encoded, or there is no memory for it. The item is lost then, and the
    /// encoder leaves `dst` as it was.
    fn encode(&mut self, item: Item, dst: &mut ChainMut) -> Result<(), Self::Error>;

    /// How many bytes of room a sink has ready for each item. The sink waits for memory if it is
    /// short. The default is [`HEAD_ROOM`].
    ///
    /// Return 0 for an encoder that needs no room. Then an item can still be sent when its own
    /// blocks are all that its account, or the whole pool, has. If there is no room, a few bytes of
    /// a head can be linked as [`bytes::Bytes`].
    fn head_room(&self) -> usize {
        HEAD_ROOM
    }
}

/// The bytes of room that a sink has ready for an item by default.
pub const HEAD_ROOM: usize = 256;
