//! One name of a path, decoded.

use percent_encoding::percent_decode_str;

use crate::path::is_hidden;

/// The limit of Linux and most other systems, in bytes.
const NAME_LEN_MAX: usize = 255;

/// The name of a file or directory that may be served: not empty, not hidden (so not `..` either),
/// UTF-8, and without an encoded slash or NUL.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// Decodes a segment of a URI's path.
    ///
    /// # Errors
    /// The reason, as a text for the client.
    pub fn parse(raw: &str) -> Result<Self, &'static str> {
        let name = percent_decode_str(raw).decode_utf8().map_err(|_| "a name is UTF-8\n")?;
        if name.is_empty() {
            Err("the name is missing\n")
        } else if is_hidden(&name) {
            Err("a name does not begin with a dot\n")
        } else if name.contains(['/', '\0']) {
            Err("a name has no slash and no NUL\n")
        } else if name.len() > NAME_LEN_MAX {
            Err("a name has at most 255 bytes\n")
        } else {
            Ok(Self(name.into_owned()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
