//! `LengthFieldType`: the integer types of a length.

/// An unsigned integer that [`Builder::length_field_type`](super::Builder::length_field_type)
/// accepts: `u8`, `u16`, `u32`, `u64`, `usize`.
///
/// It cannot be implemented outside of this crate, so a length of another width is a compile error.
///
/// # Examples
/// ```
/// use leasehold::codec::LengthDelimitedCodec;
///
/// let codec = LengthDelimitedCodec::builder().length_field_type::<u8>().new_codec();
/// assert_eq!(codec.max_frame_length(), 255);
/// ```
pub trait LengthFieldType: sealed::Sealed {}

impl LengthFieldType for u8 {}
impl LengthFieldType for u16 {}
impl LengthFieldType for u32 {}
impl LengthFieldType for u64 {}
impl LengthFieldType for usize {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
    impl Sealed for usize {}
}
