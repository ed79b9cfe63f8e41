//! `Head`: settings of a length-delimited codec, for both crates.

use leasehold::codec as ours;
use tokio_util::codec as theirs;

/// What the builders of both crates are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) is_little: bool,
    pub(crate) field: usize,
    pub(crate) offset: usize,
    pub(crate) adjustment: isize,
    pub(crate) skip: Option<usize>,
    pub(crate) max: Option<usize>,
}

impl Head {
    /// A length of `field` bytes, big endian, and nothing else.
    pub(crate) const fn of(field: usize) -> Self {
        Self { is_little: false, field, offset: 0, adjustment: 0, skip: None, max: None }
    }

    pub(crate) fn theirs(&self) -> theirs::LengthDelimitedCodec {
        let mut builder = theirs::LengthDelimitedCodec::builder();
        builder.length_field_length(self.field).length_field_offset(self.offset).length_adjustment(self.adjustment);
        if self.is_little {
            builder.little_endian();
        }
        if let Some(skip) = self.skip {
            builder.num_skip(skip);
        }
        if let Some(max) = self.max {
            builder.max_frame_length(max);
        }
        builder.new_codec()
    }

    pub(crate) fn ours(&self) -> ours::LengthDelimitedCodec {
        let mut builder = ours::LengthDelimitedCodec::builder();
        builder.length_field_length(self.field).length_field_offset(self.offset).length_adjustment(self.adjustment);
        if self.is_little {
            builder.little_endian();
        }
        if let Some(skip) = self.skip {
            builder.num_skip(skip);
        }
        if let Some(max) = self.max {
            builder.max_frame_length(max);
        }
        builder.new_codec()
    }

    /// A frame as a peer with these settings would send it; cut down to the field where the length does not fit.
    pub(crate) fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let value = (payload.len() as i64 - self.adjustment as i64).to_be_bytes();
        let mut field = value[8 - self.field..].to_vec();
        if self.is_little {
            field.reverse();
        }
        let before = vec![0xaa; self.offset];
        let after = vec![0xbb; self.skip.unwrap_or(0).saturating_sub(self.offset + self.field)];
        [&before[..], &field, &after, payload].concat()
    }
}
