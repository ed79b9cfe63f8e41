//! What the errors of the codecs that seek a delimiter have in common.

use std::{error, fmt, io};

use super::{
    AnyDelimiterCodecError, LinesCodecError,
    seek::{Fault, TooLong},
};

macro_rules! impl_error {
    ($error:ident, $frame:literal) => {
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.fault {
                    Fault::TooLong { max } => write!(f, "{} is longer than {max} bytes", $frame),
                    Fault::NotText(error) => write!(f, "{} is not UTF-8: {error}", $frame),
                    Fault::Io(error) => write!(f, "{error}"),
                }
            }
        }

        impl error::Error for $error {
            fn source(&self) -> Option<&(dyn error::Error + 'static)> {
                match &self.fault {
                    Fault::TooLong { .. } => None,
                    Fault::NotText(error) => Some(error),
                    Fault::Io(error) => error.source(),
                }
            }
        }

        impl From<TooLong> for $error {
            fn from(TooLong { max }: TooLong) -> Self {
                Self { fault: Fault::TooLong { max } }
            }
        }

        impl From<io::Error> for $error {
            fn from(error: io::Error) -> Self {
                Self { fault: Fault::Io(error) }
            }
        }

        impl From<$error> for io::Error {
            /// What a peer sent is `InvalidData`; an error of the transport or of memory is itself
            /// again.
            fn from(error: $error) -> Self {
                match error.fault {
                    Fault::Io(error) => error,
                    _ => io::Error::new(io::ErrorKind::InvalidData, error),
                }
            }
        }
    };
}

impl_error!(AnyDelimiterCodecError, "a delimited frame");
impl_error!(LinesCodecError, "a line");
