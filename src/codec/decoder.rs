//! `Decoder`: frames out of a chain.

use std::io;

use crate::chain::ChainMut;

/// Takes frames off the front of a chain that bytes are read into.
///
/// The contract is that of tokio-util's `Decoder`. [`decode`](Self::decode) is called again after
/// each frame, and if it returned `Ok(None)`, after more bytes have arrived. [`ChainMut::chunks`]
/// and [`ChainMut::peek_slice`] look at bytes without taking them. [`ChainMut::split_frame`] takes
/// them off as a [`Chain`](crate::Chain). The methods of [`bytes::Buf`] consume them.
///
/// # Memory
/// A decoder leases nothing for a length that a peer announces (NO-TRUST). The chain grows as bytes
/// arrive, until the frame is complete or the decoder refuses it. So a decoder must check a limit
/// on the length of a frame itself, before the frame is there.
///
/// # Examples
/// ```
/// use std::io;
///
/// use bytes::Buf;
/// use leasehold::{ChainMut, codec::Decoder};
///
/// /// Numbers of two bytes.
/// struct Numbers;
///
/// impl Decoder for Numbers {
///     type Item = u16;
///     type Error = io::Error;
///
///     fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<u16>> {
///         Ok((src.len() >= 2).then(|| src.get_u16()))
///     }
/// }
///
/// # let pool = leasehold::Pool::new(8 << 20).map_err(io::Error::other)?;
/// let mut received = ChainMut::new(&pool);
/// received.push(&b"\x01\x02\x03"[..]);
/// assert_eq!(Numbers.decode(&mut received)?, Some(0x0102));
/// assert_eq!(Numbers.decode(&mut received)?, None);
/// # Ok::<(), io::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decode chains",
    label = "is not a `leasehold::codec::Decoder`",
    note = "a codec of tokio-util's traits is framed by `leasehold::codec::compat::Framed`"
)]
pub trait Decoder {
    /// A decoded frame.
    type Item;

    /// Why bytes cannot be decoded. Errors of the transport and of memory arrive as [`io::Error`].
    type Error: From<io::Error>;

    /// Takes one frame off the front of `src`, if it is complete. `None` asks for more bytes.
    ///
    /// # Errors
    /// The bytes are not a frame. The decoder decides what `src` holds then.
    fn decode(&mut self, src: &mut ChainMut) -> Result<Option<Self::Item>, Self::Error>;

    /// As [`decode`](Self::decode), when the transport has ended. It is called until it returns
    /// `Ok(None)`.
    ///
    /// # Errors
    /// By default, if bytes remain that are not a frame.
    fn decode_eof(&mut self, src: &mut ChainMut) -> Result<Option<Self::Item>, Self::Error> {
        match self.decode(src)? {
            Some(frame) => Ok(Some(frame)),
            None if src.is_empty() => Ok(None),
            None => Err(io::Error::other("bytes remaining on stream").into()),
        }
    }
}
