//! Stands in for `unnamed` on systems that have no files without a name.

use std::{fs::File, io};

use cap_std::fs::Dir;

/// # Errors
/// `Unsupported`, always.
pub fn create(_dir: &Dir) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// `Unsupported`, always.
pub fn link(_file: &File, _dir: &Dir, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
