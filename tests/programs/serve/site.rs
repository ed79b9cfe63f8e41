//! A directory to be served.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use rand::Rng;

/// A temporary directory, removed at the end.
pub struct Site {
    place: PathBuf,
}

impl Site {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let place =
            std::env::temp_dir().join(format!("leasehold-serve-{}-{count}", std::process::id()));
        fs::create_dir_all(place.join("root")).expect("a temporary directory");
        Self { place }
    }

    /// What is served. There is room beside it for what must not be.
    pub fn root(&self) -> PathBuf {
        self.place.join("root")
    }

    /// A directory beside what is served, for uploads.
    pub fn inbox(&self) -> PathBuf {
        let inbox = self.place.join("inbox");
        fs::create_dir_all(&inbox).expect("a directory can be made");
        inbox
    }

    /// A file beside what is served, for what the server says.
    pub fn create_log(&self) -> fs::File {
        fs::File::create(self.place.join("log")).expect("a file can be made")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.place.join("log")).expect("the log is text")
    }

    /// Writes a file and the directories above it.
    pub fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a file has a parent"))
            .expect("directories can be made");
        fs::write(&path, bytes).expect("the file can be written");
        path
    }

    /// Writes a file of random bytes and returns them.
    pub fn write_random(&self, path: &str, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        rand::rng().fill_bytes(&mut bytes);
        self.write(path, &bytes);
        bytes
    }

    /// Makes a file of zeros that takes no room on the disk.
    pub fn write_sparse(&self, path: &str, len: u64) {
        let file = fs::File::create(self.root().join(path)).expect("the file can be made");
        file.set_len(len).expect("the file can be extended");
    }

    pub fn link(&self, path: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.root().join(path)).expect("the link can be made");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}
