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

    /// Whether both crates read the same frames: the limit is set beside no adjustment, or is all
    /// that the field can say; and each frame has all of the head that it keeps. The settings that
    /// are not read alike are exactly the others.
    pub(crate) fn is_read_alike(&self) -> bool {
        let most = (1u128 << (8 * self.field)) - 1;
        let is_limited_alike = match self.adjustment {
            0 => true,
            1.. => self.ours().max_frame_length() as u128 == most + self.adjustment as u128,
            _ => false,
        };
        let kept = (self.offset + self.field).saturating_sub(self.skip.unwrap_or(usize::MAX));
        is_limited_alike && (kept == 0 || self.adjustment >= kept as isize)
    }

    /// Whether both crates write the same frames: the head is a length, and all of it is dropped.
    pub(crate) fn is_written_alike(&self) -> bool {
        self.offset == 0 && self.skip.is_none_or(|skip| skip == self.field)
    }

    /// The nearest settings that are read alike.
    pub(crate) fn read_alike(self) -> Self {
        if self.is_read_alike() { self } else { Self { adjustment: 0, skip: None, ..self } }
    }

    pub(crate) fn theirs(&self) -> theirs::LengthDelimitedCodec {
        let mut builder = theirs::LengthDelimitedCodec::builder();
        builder
            .length_field_length(self.field)
            .length_field_offset(self.offset)
            .length_adjustment(self.adjustment);
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
        builder
            .length_field_length(self.field)
            .length_field_offset(self.offset)
            .length_adjustment(self.adjustment);
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

    /// A frame as a peer with these settings would send it; cut down to the field where the length
    /// does not fit.
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
