//! `Decoder`: frames out of a chain.

use std::io;

use crate::chain::ChainMut;

/// Takes frames off the front of a chain that is being read into.
///
/// The contract is that of tokio-util's `Decoder`: [`decode`](Self::decode) is called again after
/// each frame, and after more bytes have arrived when it answered `Ok(None)`. [`ChainMut::chunks`]
/// and [`ChainMut::peek_slice`] look at bytes without taking them, [`ChainMut::split_frame`] takes
/// them off as a [`Chain`](crate::Chain), the methods of [`bytes::Buf`] consume them.
///
/// # Memory
/// A decoder leases nothing for a length that a peer announces (NO-TRUST): the chain grows as bytes
/// arrive, and goes on until the frame is complete or the decoder refuses it. So a limit on the
/// length of a frame is the decoder's to check, before the frame is there.
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
/// ```
pub trait Decoder {
    /// What is decoded.
    type Item;

    /// Why it cannot be. Errors of the transport and of memory arrive as [`io::Error`].
    type Error: From<io::Error>;

    /// Takes one frame off the front of `src`, if it is complete; `None` asks for more bytes.
    ///
    /// # Errors
    /// The bytes are no frame. What `src` holds then is the decoder's choice.
    fn decode(&mut self, src: &mut ChainMut) -> Result<Option<Self::Item>, Self::Error>;

    /// As [`decode`](Self::decode) once the transport has ended; called until it answers
    /// `Ok(None)`.
    ///
    /// # Errors
    /// By default, if bytes remain that are no frame.
    fn decode_eof(&mut self, src: &mut ChainMut) -> Result<Option<Self::Item>, Self::Error> {
        match self.decode(src)? {
            Some(frame) => Ok(Some(frame)),
            None if src.is_empty() => Ok(None),
            None => Err(io::Error::other("bytes remaining on stream").into()),
        }
    }
}
