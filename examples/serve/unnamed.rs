//! Files without a name, on Linux.

use std::{fs::File, io, os::fd::AsRawFd, path::Path};

use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, linkat, openat},
    io::Errno,
};

/// A file gets its name through this folder: see open(2), for processes without
/// CAP_DAC_READ_SEARCH.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Makes a file that can be linked to a name in this directory. If it is closed without a name, it
/// is gone.
///
/// # Errors
/// `Unsupported` if the file system has no such files, or there is no `/proc`.
pub fn create(dir: &Dir) -> io::Result<File> {
    if !Path::new(DESCRIPTORS).exists() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // The mode of every new file; the umask takes bits away.
    let mode = Mode::from_raw_mode(0o666);
    match openat(dir, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
        Ok(file) => Ok(file.into()),
        // open(2): the first is from file systems, the others from kernels that do not know the
        // flag.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the file a name, if nothing has it.
///
/// # Errors
/// `AlreadyExists` if something has the name, even a link that leads nowhere.
pub fn link(file: &File, dir: &Dir, name: &str) -> io::Result<()> {
    let file = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
    Ok(linkat(CWD, file, dir, name, AtFlags::SYMLINK_FOLLOW)?)
}
