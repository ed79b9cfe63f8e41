//! The name of a file until it is whole.

use std::{
    fs::File,
    io, process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use cap_std::fs::{Dir, OpenOptions};

/// A hidden name in a directory, removed at the end.
#[derive(Debug)]
pub struct Temporary {
    dir: Arc<Dir>,
    name: String,
}

impl Temporary {
    /// Makes a file with a hidden name.
    pub fn create(dir: &Arc<Dir>) -> io::Result<(File, Self)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The name is of one process, one start of it and one upload, so nothing else has it. A
        // file that exists is never opened.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!(".upload-{}-{since}-{count}", process::id());
        let file = dir.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
        Ok((file.into_std(), Self { dir: Arc::clone(dir), name }))
    }

    /// Gives the file a second name, if nothing has it.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it.
    pub fn link(&self, name: &str) -> io::Result<()> {
        self.dir.hard_link(&self.name, &self.dir, name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // An error has no receiver.
        let _ = self.dir.remove_file(&self.name);
    }
}
