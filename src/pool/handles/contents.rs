//! Blocks as the bytes that they dereference to.

use super::{Block, BlockMut};

macro_rules! impl_as_contents {
    ($($block:ty),*) => {$(
        impl AsRef<[u8]> for $block {
            fn as_ref(&self) -> &[u8] {
                self
            }
        }

        impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for $block {
            fn eq(&self, other: &T) -> bool {
                self[..] == *other.as_ref()
            }
        }

        impl Eq for $block {}

        impl Default for $block {
            fn default() -> Self {
                Self::empty()
            }
        }
    )*};
}

impl_as_contents!(Block, BlockMut);
