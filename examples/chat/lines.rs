//! The codec of lines, where a bad line is an item and not an error.

use std::io;

use leasehold::{
    ChainMut,
    codec::{Decoder, LinesCodec, LinesCodecError},
};

/// Yields lines, and the error of a bad line as an item. Only errors of the transport are errors of
/// the stream: they end the client.
pub(crate) struct Lines(pub(crate) LinesCodec);

impl Decoder for Lines {
    type Item = Result<String, LinesCodecError>;
    type Error = io::Error;

    fn decode(&mut self, src: &mut ChainMut) -> io::Result<Option<Self::Item>> {
        line_or_why(self.0.decode(src))
    }

    fn decode_eof(&mut self, src: &mut ChainMut) -> io::Result<Option<Self::Item>> {
        line_or_why(self.0.decode_eof(src))
    }
}

fn line_or_why(
    decoded: Result<Option<String>, LinesCodecError>,
) -> io::Result<Option<Result<String, LinesCodecError>>> {
    match decoded {
        Err(error) if error.is_io() => Err(error.into()),
        decoded => Ok(decoded.transpose()),
    }
}
