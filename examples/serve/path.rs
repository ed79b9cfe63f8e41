//! The path of a request, as a path inside the root.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::name::Name;

/// The characters that are encoded in a link: all that RFC 3986 §3.3 does not allow in a segment of
/// a path, and `%` itself. Also `:`, because a name such as `a:b` would look like an address with a
/// scheme.
const NOT_IN_LINKS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A decoded path. This type does not check that it stays inside the root; the root does, symbolic
/// links included.
#[derive(Debug)]
pub struct SitePath {
    names: Vec<Name>,
    ends_in_slash: bool,
}

impl SitePath {
    /// Parses the path of a URI; `None` if no file is ever served under it.
    pub fn parse(raw: &str) -> Option<Self> {
        let inner = raw.strip_prefix('/')?;
        let (inner, ends_in_slash) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, inner.is_empty()),
        };
        if inner.is_empty() {
            return (raw == "/").then_some(Self { names: Vec::new(), ends_in_slash: true });
        }
        // Split first, decode afterwards: so an encoded slash is part of a name, and refused.
        let names = inner.split('/').map(Name::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { names, ends_in_slash })
    }

    /// Relative to the root.
    pub fn relative(&self) -> String {
        let names: Vec<_> = self.names.iter().map(Name::as_str).collect();
        if names.is_empty() { ".".to_owned() } else { names.join("/") }
    }

    /// The last name; empty for the root.
    pub fn file_name(&self) -> &str {
        self.names.last().map_or("", Name::as_str)
    }

    /// A link from the listing of this directory to that of the one around it, if there is one.
    pub fn up(&self) -> Option<&'static str> {
        match self.names.len() {
            0 => None,
            1 => Some("../?files"), // under `/` alone is the page
            _ => Some("../"),
        }
    }

    pub fn ends_in_slash(&self) -> bool {
        self.ends_in_slash
    }

    /// The same path with a slash at the end, encoded.
    pub fn with_slash(&self) -> String {
        let mut link = String::from("/");
        for name in &self.names {
            link.extend(encode(name.as_str()));
            link.push('/');
        }
        link
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.iter().try_for_each(|name| write!(f, "/{}", name.as_str()))?;
        f.write_str(if self.ends_in_slash { "/" } else { "" })
    }
}

/// One name as a segment of a link.
pub fn encode(name: &str) -> impl Iterator<Item = &str> + fmt::Display {
    utf8_percent_encode(name, NOT_IN_LINKS)
}

/// Whether a file of this name is shown at all.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}
