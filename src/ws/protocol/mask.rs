//! `Mask`: the masking key of a frame, and how far it was applied (RFC 6455 §5.3).

/// A masking key, and its position; it continues from piece to piece of a payload.
#[derive(Clone, Copy, Debug)]
pub(in crate::ws) struct Mask {
    /// The next four bytes of the key, the first one lowest.
    key: u32,
}

impl Mask {
    #[inline]
    pub(in crate::ws) fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    /// Masks or unmasks the next bytes of the payload: both are the same operation.
    pub(in crate::ws) fn apply(&mut self, bytes: &mut [u8]) {
        let word = (u64::from(self.key) << 32 | u64::from(self.key)).to_le_bytes();
        let (words, rest) = bytes.as_chunks_mut::<8>();
        // Eight bytes at once: the compiler makes vector instructions of it.
        for chunk in words {
            *chunk = (u64::from_ne_bytes(*chunk) ^ u64::from_ne_bytes(word)).to_ne_bytes();
        }
        rest.iter_mut().zip(word).for_each(|(byte, key)| *byte ^= key);
        self.key = self.key.rotate_right(8 * (rest.len() % 4) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn pieces_of_any_lengths_are_masked_as_the_rfc_says() {
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        for len in 0..70 {
            let plain: Vec<u8> = (0..len).collect();
            let expected: Vec<u8> =
                plain.iter().enumerate().map(|(index, byte)| byte ^ KEY[index % 4]).collect();
            for cut in 0..=plain.len() {
                let mut bytes = plain.clone();
                let mut mask = Mask::new(KEY);
                let (front, back) = bytes.split_at_mut(cut);
                mask.apply(front);
                mask.apply(back);
                assert_eq!(bytes, expected, "{len} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455 §5.7: a masked text frame of "Hello".
        let mut bytes = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut bytes);
        assert_eq!(&bytes, b"Hello");
    }
}
