//! Files without a name, as Linux has them.

use std::{fs::File, io, os::fd::AsRawFd, path::Path};

use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, linkat, openat},
    io::Errno,
};

/// Through it such a file gets a name: open(2), the way for processes without CAP_DAC_READ_SEARCH.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Makes one that can be linked to a name in this directory. Closed without one, it is gone.
///
/// # Errors
/// `Unsupported` if the file system has no such files, or there is no `/proc`.
pub fn create(dir: &Dir) -> io::Result<File> {
    if !Path::new(DESCRIPTORS).exists() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // What a file gets that is made by name: the umask takes its part of it.
    let mode = Mode::from_raw_mode(0o666);
    match openat(dir, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
        Ok(file) => Ok(file.into()),
        // open(2): the first of file systems, the others of kernels that do not know the flag.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives it a name that nothing has.
///
/// # Errors
/// `AlreadyExists` if something has it, be it a link that leads nowhere.
pub fn link(file: &File, dir: &Dir, name: &str) -> io::Result<()> {
    let file = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    Ok(linkat(CWD, file, dir, name, AtFlags::SYMLINK_FOLLOW)?)
}
