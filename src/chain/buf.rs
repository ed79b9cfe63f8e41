//! Reading chains, as a `Buf` and as `std::io::Read`.

use std::io::{self, IoSlice};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Chain, ChainMut, rest::Part};

impl Buf for Chain {
    #[inline]
    fn remaining(&self) -> usize {
        self.len
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.segments.front().as_ref()
    }

    /// Lists all pieces that fit into `dst` (FULL-VECTOR).
    #[inline]
    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let Some((first, others)) = dst.split_first_mut() else { return 0 };
        if self.is_empty() {
            return 0;
        }
        *first = IoSlice::new(self.chunk());
        1 + self.segments.others_vectored(others)
    }

    /// Drops each piece that ends before the new front, so that its block goes home (EARLY-RETURN).
    fn advance(&mut self, count: usize) {
        assert!(count <= self.len, "advance {count} of {} bytes", self.len);
        if count == self.len {
            return self.clear();
        }
        self.len -= count;
        let mut left = count;
        while left > 0 {
            let front = self.segments.front_mut();
            if left < front.len() {
                front.advance(left);
                return;
            }
            left -= front.len();
            drop(self.segments.pop_front());
        }
    }

    /// Copies nothing if one piece holds all `len` bytes.
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        assert!(len <= self.len, "copy_to_bytes {len} of {} bytes", self.len);
        let front_len = self.segments.front().len();
        if len <= front_len {
            self.len -= len;
            let piece = match len {
                0 => return Bytes::new(),
                _ if len == front_len => self.segments.pop_front(),
                _ => self.segments.front_mut().split_to(len),
            };
            return piece.into_bytes();
        }
        copy_out(self, len)
    }
}

impl Buf for ChainMut {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        let part = self.rest.as_ref().and_then(|rest| rest.front());
        part.map_or(&self.tail[..], Part::as_slice)
    }

    /// Lists all pieces that fit into `dst` (FULL-VECTOR).
    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in dst.iter_mut().zip(self.chunks()) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// Drops each piece that ends before the new front, so that its block goes home (EARLY-RETURN).
    /// The room stays.
    #[inline]
    fn advance(&mut self, count: usize) {
        let Some(rest) = &mut self.rest else { return self.tail.advance(count) };
        // Checked before anything is dropped: if the panic is caught, the chain is as it was.
        assert!(
            count <= rest.len() + self.tail.len(),
            "advance {count} of {} bytes",
            rest.len() + self.tail.len()
        );
        let left = rest.advance_parts(count);
        self.tail.advance(left);
    }

    /// Copies nothing if one piece holds all `len` bytes.
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        assert!(len <= self.len(), "copy_to_bytes {len} of {} bytes", self.len());
        if len <= self.chunk().len() {
            return self.split_to(len).freeze().copy_to_bytes(len);
        }
        copy_out(self, len)
    }
}

/// Takes `len` bytes out of several pieces into one.
fn copy_out(chain: &mut impl Buf, len: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(len);
    bytes.put(chain.take(len));
    bytes.freeze()
}

impl io::Read for Chain {
    /// Copies bytes out and consumes them. At the end it returns 0. It never fails.
    fn read(&mut self, dst: &mut [u8]) -> io::Result<usize> {
        let count = dst.len().min(self.len);
        self.copy_to_slice(&mut dst[..count]);
        Ok(count)
    }
}

impl io::BufRead for Chain {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok((*self).chunk())
    }

    fn consume(&mut self, count: usize) {
        self.advance(count);
    }
}
