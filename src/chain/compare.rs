//! Chains compared with each other, and with what else is bytes or text.

use bytes::{Bytes, BytesMut};

use super::Chain;

impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        if self.len != other.len {
            return false;
        }
        let (mut one, mut two) = (self.segments(), other.segments());
        let (mut left, mut right): (&[u8], &[u8]) = (&[], &[]);
        loop {
            if left.is_empty() {
                left = one.next().map_or(&[], |segment| segment.as_ref());
            }
            if right.is_empty() {
                right = two.next().map_or(&[], |segment| segment.as_ref());
            }
            let count = left.len().min(right.len());
            if count == 0 {
                return true;
            }
            if left[..count] != right[..count] {
                return false;
            }
            (left, right) = (&left[count..], &right[count..]);
        }
    }
}

impl Eq for Chain {}

impl PartialEq<[u8]> for Chain {
    fn eq(&self, other: &[u8]) -> bool {
        let mut left = other;
        self.len == other.len()
            && self.segments().all(|segment| {
                let (head, rest) = left.split_at(segment.len());
                left = rest;
                head == segment.as_ref()
            })
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<&T> for Chain {
    fn eq(&self, other: &&T) -> bool {
        *self == *other.as_ref()
    }
}

/// Both directions, as `Bytes` has them.
macro_rules! compares_with {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Chain {
            fn eq(&self, other: &$other) -> bool {
                let other: &[u8] = other.as_ref();
                *self == *other
            }
        }

        impl PartialEq<Chain> for $other {
            fn eq(&self, other: &Chain) -> bool {
                *other == *self
            }
        }
    )*};
}

compares_with!(str, String, Vec<u8>, Bytes, BytesMut);

impl<const N: usize> PartialEq<[u8; N]> for Chain {
    fn eq(&self, other: &[u8; N]) -> bool {
        *self == other[..]
    }
}

impl<const N: usize> PartialEq<Chain> for [u8; N] {
    fn eq(&self, other: &Chain) -> bool {
        *other == *self
    }
}

impl PartialEq<Chain> for [u8] {
    fn eq(&self, other: &Chain) -> bool {
        *other == *self
    }
}

impl<const N: usize> PartialEq<Chain> for &[u8; N] {
    fn eq(&self, other: &Chain) -> bool {
        *other == **self
    }
}

impl PartialEq<Chain> for &[u8] {
    fn eq(&self, other: &Chain) -> bool {
        *other == **self
    }
}

impl PartialEq<Chain> for &str {
    fn eq(&self, other: &Chain) -> bool {
        *other == **self
    }
}
