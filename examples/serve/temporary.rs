//! A name that a file has until it is whole.

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
    /// Makes a file of such a name.
    pub fn create(dir: &Arc<Dir>) -> io::Result<(File, Self)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Of one process, of one start of it, of one upload: nothing else has it, and nothing is
        // opened that exists.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!(".upload-{}-{since}-{count}", process::id());
        let file = dir.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
        Ok((file.into_std(), Self { dir: Arc::clone(dir), name }))
    }

    /// Gives the file a second name, that nothing has.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it.
    pub fn link(&self, name: &str) -> io::Result<()> {
        self.dir.hard_link(&self.name, &self.dir, name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.dir.remove_file(&self.name);
    }
}
