//! A blob of a directory that is written while it is made.
//!
//! Comes in: blocks in their order, and at last the rest. Goes out: the blob under its name, as if it had been put at
//! once; nobody sees any of it before. What is given up is removed. Only a crash leaves its file behind, under a name that
//! listings ignore.
//!
//! Bytes go past the page cache where the file system allows it. So the disk works while the next blocks are made, and
//! whoever makes a long blob holds a few of its blocks instead of all.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::OFlags;

use super::directory::{Directory, failed};
use super::disk::{Call, Disk};
use crate::Result;
use crate::repository::direct::{self, BLOCK};
use crate::repository::name::BlobId;

/// A blob that has no name yet.
pub(crate) struct Growing {
    directory: Directory,
    path: PathBuf,
    /// Nothing before the first bytes and after the last.
    draft: Option<Draft>,
    length: u64,
}

/// The file that is to become the blob.
struct Draft {
    disk: Disk,
    path: PathBuf,
    file: File,
    direct: bool,
}

impl Growing {
    /// Nothing is done before there are bytes.
    ///
    /// # Errors
    /// A name that the directory's parameters can not place.
    pub(super) fn new(directory: Directory, id: &BlobId) -> Result<Growing> {
        let path = directory.path(id)?;
        Ok(Growing { directory, path, draft: None, length: 0 })
    }

    /// Writes the next bytes: whole blocks, best from memory that begins with one.
    ///
    /// # Errors
    /// The disk's; the blob is to be given up then.
    pub(crate) fn append(&mut self, blocks: &[u8]) -> Result<()> {
        self.write(blocks).map_err(failed("writing", &self.path))
    }

    /// Writes the last bytes, whose memory is not needed any more then; what is behind them in it is overwritten.
    ///
    /// # Errors
    /// As [`Growing::append`].
    pub(crate) fn end(mut self, rest: &mut Vec<u8>) -> Result<Unnamed> {
        let length = self.length + rest.len() as u64;
        rest.resize(rest.len().next_multiple_of(BLOCK), 0);
        match self.write(rest) {
            Ok(()) => Ok(Unnamed { blob: self, length }),
            Err(error) => Err(failed("writing", &self.path)(error)),
        }
    }

    fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        let draft = match &mut self.draft {
            Some(draft) => draft,
            none => none.insert(Draft::begin(&self.directory, &self.path)?),
        };
        draft.write(self.length, blocks)?;
        self.length += blocks.len() as u64;
        Ok(())
    }

    fn name(&mut self, length: u64) -> io::Result<()> {
        let Some(draft) = &self.draft else { return Err(ErrorKind::NotFound.into()) };
        if length != self.length {
            draft.disk.call(Call::SetLength, || draft.file.set_len(length))?;
        }
        self.directory.complete(&draft.file, &draft.path, &self.path)?;
        if let Some(mut draft) = self.draft.take() {
            draft.path.clear(); // it has become the blob
        }
        self.directory.sync_above(&self.path)
    }
}

/// A blob of which all bytes are written.
pub(crate) struct Unnamed {
    blob: Growing,
    length: u64,
}

impl Unnamed {
    /// Gives the blob its name when all of it is durable.
    ///
    /// # Errors
    /// The disk's; nothing is left then, unless only the name could not be made durable.
    pub(crate) fn name(mut self) -> Result<()> {
        self.blob.name(self.length).map_err(failed("writing", &self.blob.path))
    }
}

impl Draft {
    fn begin(directory: &Directory, path: &std::path::Path) -> io::Result<Draft> {
        let (disk, temporary) = (directory.disk().clone(), directory.temporary(path)?);
        let direct = disk.call(Call::Open, || direct::open_new(&temporary));
        let (file, direct) = match direct {
            Err(refusal) if refusal.kind() == ErrorKind::InvalidInput => {
                (super::directory::open_new(&temporary)?, false)
            }
            answer => (answer?, true),
        };
        Ok(Draft { disk, path: temporary, file, direct })
    }

    fn write(&mut self, offset: u64, blocks: &[u8]) -> io::Result<()> {
        if self.direct {
            match direct::write_blocks(&self.disk, &self.file, offset, blocks) {
                Err(refusal) if refusal.kind() == ErrorKind::InvalidInput => {
                    let flags = rustix::fs::fcntl_getfl(&self.file)?;
                    rustix::fs::fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
                    self.direct = false;
                }
                answer => return answer,
            }
        }
        self.disk.write(blocks, |bytes| self.file.write_all_at(bytes, offset))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = self.disk.call(Call::Remove, || std::fs::remove_file(&self.path)); // ignored by listings if it stays
        }
    }
}
