//! tokio-util's `codec`, with this crate's `compat` transports.

pub use leasehold::codec::compat::{Framed, FramedParts, FramedRead, FramedWrite};
pub use tokio_util::codec::{
    AnyDelimiterCodec, BytesCodec, Decoder, Encoder, LengthDelimitedCodec, LinesCodec,
};

/// tokio-util's builder, which makes `compat` transports.
pub mod length_delimited {
    use super::{FramedRead, FramedWrite, LengthDelimitedCodec};

    #[derive(Clone, Debug, Default)]
    pub struct Builder(tokio_util::codec::length_delimited::Builder);

    macro_rules! forward {
        ($($name:ident($($arg:ident: $type:ty)?);)*) => {
            $(pub fn $name(&mut self $(, $arg: $type)?) -> &mut Self {
                self.0.$name($($arg)?);
                self
            })*
        };
    }

    impl Builder {
        pub fn new() -> Self {
            Self::default()
        }

        forward! {
            big_endian();
            little_endian();
            native_endian();
            max_frame_length(len: usize);
            length_field_length(len: usize);
            length_field_offset(len: usize);
            length_adjustment(len: isize);
            num_skip(len: usize);
        }

        pub fn new_codec(&self) -> LengthDelimitedCodec {
            self.0.new_codec()
        }

        pub fn new_read<T>(&self, io: T) -> FramedRead<T, LengthDelimitedCodec> {
            FramedRead::new(io, self.new_codec())
        }

        pub fn new_write<T>(&self, io: T) -> FramedWrite<T, LengthDelimitedCodec> {
            FramedWrite::new(io, self.new_codec())
        }
    }
}
