//! Index blobs and metadata contents on a disk of this machine, so that a remote repository is opened and browsed fast.
//!
//! Kept are the sealed bytes, as they are in the store: the disk tells no more than the bucket does, and what was altered
//! on it does not open and is fetched again. The oldest entries go when there is more than the limit. A cache that can
//! not be read or written is no error: it only keeps nothing.

use crate::error::{Error, Result};
use crate::repository::name::{BlobId, Family, PackKind, hex};
use crate::repository::seal::random;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Where a cache lies, and how much it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Its directory; each repository has one of its own in it.
    pub directory: PathBuf,
    /// Most bytes of one repository.
    pub limit: u64,
}

/// The cache of one repository. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cache(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    limit: u64,
    held: Mutex<u64>,
}

/// Which bytes of a blob an entry holds.
#[derive(Clone)]
pub(super) struct Range {
    pub(super) blob: BlobId,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Range {
    /// Whether such bytes are worth keeping: they never change, and are read again and again.
    fn is_kept(&self) -> bool {
        matches!(
            self.blob.family(),
            Family::Pack(PackKind::Meta)
                | Family::Index
                | Family::Uncompacted(_)
                | Family::Single(_)
                | Family::Range(..)
        )
    }

    fn file(&self) -> String {
        let name = format!("{}/{}/{}", self.blob, self.offset, self.length);
        hex(&Sha256::digest(name).as_slice()[..16]) // a digest has 32 bytes
    }
}

impl Cache {
    /// Opens the cache of the repository with this identity, or makes it.
    ///
    /// # Errors
    /// Its directory can not be made or listed.
    pub(super) fn open(options: &CacheOptions, unique_id: &[u8]) -> Result<Self> {
        let name = hex(&Sha256::digest(unique_id).as_slice()[..16]); // a digest has 32 bytes
        let directory = options.directory.join(name);
        let failed =
            |source| Error::Io { operation: "opening the cache", path: directory.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let held = entries(&directory).map_err(failed)?.iter().map(|entry| entry.length).sum();
        Ok(Cache(Arc::new(Inner { directory, limit: options.limit, held: Mutex::new(held) })))
    }

    /// The bytes of a range, if they are here. Only opening them tells whether they are whole.
    pub(super) fn get(&self, range: &Range) -> Option<Bytes> {
        let path = self.0.directory.join(range.file());
        let length = fs::metadata(&path).ok().filter(|_| range.is_kept())?.len();
        if length != range.length {
            return None;
        }
        fs::read(path).ok().filter(|bytes| bytes.len() as u64 == range.length).map(Bytes::from)
    }

    /// Keeps the bytes of a range.
    pub(super) fn put(&self, range: &Range, bytes: &[u8]) {
        if !range.is_kept() || range.length > self.0.limit / 2 {
            return;
        }
        if let Err(error) = self.write(&range.file(), bytes).and_then(|()| self.account(range.length)) {
            tracing::debug!(cache = %self.0.directory.display(), %error, "the cache keeps nothing");
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.0.directory.join(format!("{name}.{}", hex(&random::<8>())));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, self.0.directory.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary); // a later clean-up removes it if it stays
        }
        written
    }

    /// Adds to what is held, and removes the oldest quarter when that is too much.
    fn account(&self, length: u64) -> io::Result<()> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held += length;
        if *held <= self.0.limit {
            return Ok(());
        }
        let mut all = entries(&self.0.directory)?;
        all.sort_unstable_by_key(|entry| entry.modified);
        *held = all.iter().map(|entry| entry.length).sum();
        for entry in all {
            if *held <= self.0.limit / 4 * 3 {
                break;
            }
            fs::remove_file(&entry.path)?;
            *held -= entry.length;
        }
        Ok(())
    }
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    length: u64,
    modified: SystemTime,
}

fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        let metadata = entry.metadata()?;
        Ok(Entry { path: entry.path(), length: metadata.len(), modified: metadata.modified()? })
    };
    fs::read_dir(directory)?.map(entry).collect()
}
