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

/// More than the blocks of a chain of 64 KiB in any but the strangest mixture.
const PIECES_MAX: usize = 16;

/// A file that is being written. It gets its name with its last byte, or is gone: dropped before,
/// it leaves nothing behind.
///
/// # Invariants
/// - WHOLE: under the name there is never a part of the file, also after a loss of power: it is on
///   the disk before it has a name.
/// - CREATED: what had the name before keeps it. A link to a file is made or refused in one step,
///   whoever else makes one.
#[derive(Debug)]
pub struct Part {
    file: File,
    dir: Arc<Dir>,
    turns: Turns,
    /// Where a file system has no files without a name.
    temporary: Option<Temporary>,
}

impl Part {
    /// Makes a file in this directory: on Linux one without a name, that the system removes also
    /// when the process is killed. Elsewhere, and on file systems that have no such files, it has a
    /// hidden name meanwhile, which stays behind if the process is killed.
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

    /// Appends the bytes, out of the blocks that they are in: tokio's files would copy them to the
    /// heap. While the disk is slow, another thread takes over the other tasks of this one.
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

    /// The file is whole: it gets its name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has the name; otherwise those of the file system. The file is
    /// gone then.
    ///
    /// # Cancel safety
    /// Not cancel safe: the file may get its name nevertheless. It is whole.
    pub async fn publish(self, name: Name) -> io::Result<()> {
        let turn = self.turns.take().await;
        spawn_blocking(move || {
            let _turn = turn;
            self.file.sync_all()?; // WHOLE
            match &self.temporary {
                None => unnamed::link(&self.file, &self.dir, name.as_str())?, // CREATED
                Some(temporary) => temporary.link(name.as_str())?,
            }
            drop(self.temporary);
            // So that the name is on the disk too. Not every file system can; then the file appears
            // later, or never, but whole.
            let _ = self.dir.open(".").and_then(|dir| dir.sync_all());
            Ok(())
        })
        .await?
    }
}
