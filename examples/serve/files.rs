//! The files under the root.

use std::{io, path::Path, sync::Arc, time::SystemTime};

use anyhow::{Context, ensure};
use cap_std::{
    ambient_authority,
    fs_utf8::{Dir, Metadata},
};
use tokio::task::spawn_blocking;

use crate::path::{SitePath, is_hidden};

/// How many names of one directory are held in memory and shown: the heap is outside the budget.
const NAMES_MAX: usize = 10_000;

/// The directory that is served. Every file that is opened through it lies inside it: a [`Dir`]
/// refuses `..` and symbolic links that lead out, even if a directory is swapped for a link at the
/// wrong moment.
#[derive(Clone, Debug)]
pub struct Root {
    dir: Arc<Dir>,
}

/// The thing at a path.
pub enum Found {
    File(OpenFile),
    Directory(Names),
    /// A directory, asked for without the slash at the end that its relative links need.
    DirectoryWithoutSlash,
}

/// An open regular file.
pub struct OpenFile {
    pub file: std::fs::File,
    pub len: u64,
    pub modified: Option<SystemTime>,
}

/// The names in a directory, directories first.
#[derive(Default)]
pub struct Names {
    pub directories: Vec<String>,
    pub files: Vec<String>,
    /// Whether there are more than are listed here.
    pub is_cut: bool,
}

impl Root {
    /// # Errors
    /// There is no such directory, or it may not be read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let wrong = || format!("--root {}", path.display());
        let metadata = std::fs::metadata(path).with_context(|| {
            format!("{} cannot be served; name a directory that exists", wrong())
        })?;
        ensure!(metadata.is_dir(), "{} is not a directory; name the one that holds it", wrong());
        let utf8 = path.to_str().context("not UTF-8").with_context(wrong)?;
        let dir = Dir::open_ambient_dir(utf8, ambient_authority()).with_context(wrong)?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// Opens the file or directory at the path.
    ///
    /// # Errors
    /// `NotFound` if there is nothing at the path, if it is neither a file nor a directory, or if
    /// it is not inside the root.
    pub async fn find(&self, path: &SitePath) -> io::Result<Found> {
        let dir = self.dir.clone();
        let relative = path.relative();
        let wants_directory = path.ends_in_slash();
        // File systems block; the threads that serve clients must not.
        spawn_blocking(move || find(&dir, &relative, wants_directory)).await?
    }
}

fn find(dir: &Dir, relative: &str, wants_directory: bool) -> io::Result<Found> {
    // A symbolic link must not lead to a hidden name.
    if dir
        .canonicalize(relative)?
        .components()
        .any(|name| is_hidden(name.as_str()) && name.as_str() != ".")
    {
        return Err(io::ErrorKind::NotFound.into());
    }
    // Checked before it is opened: to open a FIFO would wait for a writer.
    let metadata = dir.metadata(relative)?;
    if metadata.is_dir() && wants_directory {
        return names(dir, relative).map(Found::Directory);
    }
    if metadata.is_dir() {
        return Ok(Found::DirectoryWithoutSlash);
    }
    if !metadata.is_file() || wants_directory {
        return Err(io::ErrorKind::NotFound.into());
    }
    open(dir, relative).map(Found::File)
}

fn open(dir: &Dir, relative: &str) -> io::Result<OpenFile> {
    let file = dir.open(relative)?;
    // The length of the open file, which may be another one than the file that was checked.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(OpenFile { file: file.into_std(), len: metadata.len(), modified: modified(&metadata) })
}

fn modified(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok().map(cap_std::time::SystemTime::into_std)
}

fn names(dir: &Dir, relative: &str) -> io::Result<Names> {
    let dir = dir.open_dir(relative)?;
    let mut names = Names::default();
    for entry in dir.entries()? {
        let Ok(name) = entry?.file_name() else { continue }; // not UTF-8: no link could name it
        if is_hidden(&name) {
            continue;
        }
        if names.len() == NAMES_MAX {
            names.is_cut = true;
            break;
        }
        // The metadata of a link's target, so that a link that leads nowhere or out of the root is
        // not shown.
        match dir.metadata(&name) {
            Ok(metadata) if metadata.is_dir() => names.directories.push(name),
            Ok(metadata) if metadata.is_file() => names.files.push(name),
            _ => {}
        }
    }
    names.directories.sort_unstable();
    names.files.sort_unstable();
    Ok(names)
}

impl Names {
    pub fn len(&self) -> usize {
        self.directories.len() + self.files.len()
    }
}
