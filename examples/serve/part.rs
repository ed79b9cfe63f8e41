//! A file that is not whole yet.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    sync::Arc,
};

use bytes::Buf;
use cap_std::fs::Dir;
use leasehold::Chain;
use tokio::task::{block_in_place, spawn_blocking};

use crate::{name::Name, temporary::Temporary, turns::Turns, unnamed};

/// More pieces than a chain of 64 KiB nearly always has.
const PIECES_MAX: usize = 16;

/// A file that is being written. It gets its name when it is whole. If it is dropped before,
/// nothing is left of it.
///
/// # Invariants
/// - WHOLE-FILE: the name never leads to a part of the file, not even after a loss of power: the
///   file is on the disk before it has a name.
/// - CREATED: a file that had the name before keeps it. A link is made or refused in one step, even
///   if others make links too.
#[derive(Debug)]
pub struct Part {
    file: File,
    dir: Arc<Dir>,
    turns: Turns,
    /// Set where the file system has no files without a name.
    temporary: Option<Temporary>,
}

impl Part {
    /// Makes a file in this directory. On Linux it has no name, and the system removes it even if
    /// the process is killed. On other systems, and on file systems without such files, it has a
    /// hidden name, which stays behind if the process is killed.
    pub fn create(dir: &Arc<Dir>, turns: &Turns) -> io::Result<Self> {
        let (file, temporary) = match unnamed::create(dir) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let (file, temporary) = Temporary::create(dir)?;
                (file, Some(temporary))
            }
            Err(error) => return Err(error),
        };
        Ok(Self { file, dir: Arc::clone(dir), turns: turns.clone(), temporary })
    }

    /// Appends the bytes, straight out of their blocks: tokio's files would copy them to the heap.
    /// While the disk is slow, another thread takes over the other tasks of this one.
    ///
    /// # Cancel safety
    /// Not cancel safe: the bytes are lost.
    pub async fn write(&mut self, mut bytes: Chain) -> io::Result<()> {
        let _turn = self.turns.take().await;
        block_in_place(|| {
            while bytes.has_remaining() {
                let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
                let count = bytes.chunks_vectored(&mut pieces);
                match self.file.write_vectored(&pieces[..count]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => bytes.advance(written),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Gives the file, which is whole, its name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has the name, or an error of the file system. The file is gone
    /// then.
    ///
    /// # Cancel safety
    /// Not cancel safe: the file may get its name nevertheless. It is whole.
    pub async fn publish(self, name: Name) -> io::Result<()> {
        let turn = self.turns.take().await;
        spawn_blocking(move || {
            let _turn = turn;
            self.file.sync_all()?; // WHOLE-FILE
            match &self.temporary {
                None => unnamed::link(&self.file, &self.dir, name.as_str())?, // CREATED
                Some(temporary) => temporary.link(name.as_str())?,
            }
            drop(self.temporary);
            // Puts the name on the disk too. Not every file system can; then the file appears later
            // or never, but whole.
            let _ = self.dir.open(".").and_then(|dir| dir.sync_all());
            Ok(())
        })
        .await?
    }
}
