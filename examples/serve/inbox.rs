//! The directory that uploads go to.

use std::{io, path::Path, sync::Arc};

use anyhow::{Context, ensure};
use cap_std::{ambient_authority, fs::Dir};
use tokio::task::spawn_blocking;

use crate::{name::Name, part::Part, turns::Turns};

/// How much hyper may hold of an upload, beside what every connection has reserved. With a small
/// budget it is an eighth of that.
const HYPER_LEN: usize = 408 << 10;

/// The directory in which uploads become files, each under a name that nothing had before.
#[derive(Clone, Debug)]
pub struct Inbox {
    dir: Arc<Dir>,
    turns: Turns,
    len_max: u64,
    hyper_len: usize,
}

impl Inbox {
    /// Opens it. An upload has at most `len_max` bytes; all of them share `budget`.
    ///
    /// # Errors
    /// There is no such directory, or no file can be made there.
    pub fn open(path: &Path, len_max: u64, budget: usize) -> anyhow::Result<Self> {
        let wrong = || format!("--uploads {}", path.display());
        let metadata = std::fs::metadata(path)
            .with_context(|| format!("{} cannot be used; name a directory that exists", wrong()))?;
        ensure!(metadata.is_dir(), "{} is not a directory; name one that exists", wrong());
        let dir = Arc::new(Dir::open_ambient_dir(path, ambient_authority()).with_context(wrong)?);
        let turns = Turns::new();
        Part::create(&dir, &turns).with_context(|| {
            format!(
                "{} cannot be written to; name a directory in which this user may make files",
                wrong()
            )
        })?;
        Ok(Self { dir, turns, len_max, hyper_len: HYPER_LEN.min(budget / 8) })
    }

    pub fn len_max(&self) -> u64 {
        self.len_max
    }

    /// How much is reserved for hyper during an upload, in bytes.
    ///
    /// It bounds the number of slow uploads by the budget, and not only by the number of awake
    /// connections.
    pub fn hyper_len(&self) -> usize {
        self.hyper_len
    }

    /// Begins a file of this name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has the name, even a link that leads nowhere.
    pub async fn begin(&self, name: &Name) -> io::Result<Part> {
        let (dir, turns, name) = (Arc::clone(&self.dir), self.turns.clone(), name.clone());
        let turn = turns.take().await;
        spawn_blocking(move || {
            let _turn = turn;
            // Another upload may still take the name until this one ends. To check it now only
            // spares the client the upload.
            match dir.symlink_metadata(name.as_str()) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Part::create(&dir, &turns),
                Err(error) => Err(error),
            }
        })
        .await?
    }
}
