//! A small file system.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A file system in memory, mounted on a directory until the end.
pub struct Mounted {
    place: PathBuf,
}

impl Mounted {
    /// None where this user may not mount.
    pub fn on(place: &Path, size: &str) -> Option<Self> {
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], place);
        mounted.then(|| Self { place: place.to_owned() })
    }

    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.place), "what was mounted can be mounted anew");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, for the server may have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

fn mount(flags: &[&str], place: &Path) -> bool {
    let mounted = Command::new("mount").args(flags).arg(place).stderr(Stdio::null()).status();
    mounted.is_ok_and(|status| status.success())
}
