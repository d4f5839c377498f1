//! Index blobs and metadata contents on a disk of this machine, so that a remote repository is opened and browsed fast.
//!
//! Kept are sealed bytes, as they are in the store, of large index blobs in leaves (`kept`): the disk tells no more than
//! the bucket does, and what was altered on it does not open and is fetched again. The oldest entries go when there is more than the limit. A cache that can
//! not be read or written is no error: it only keeps nothing, and its directory can be deleted at any time.
//!
//! Several programs may share one: an entry appears whole under its name or not at all, whatever another program has
//! removed is simply not there, and what others keep is counted each time a sixteenth of the limit was written here.
//! So all together hold at most the limit and a sixteenth of it for each.

use crate::error::{Error, Result};
use crate::repository::name::{BlobId, Family, PackKind, hex};
use crate::repository::seal::random;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Where a cache lies, and how much it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Its directory; each repository has one of its own in it, named by its unique identity.
    pub directory: PathBuf,
    /// Most bytes of one repository.
    pub limit: u64,
}

/// What a cache holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// The repository's own directory.
    pub directory: PathBuf,
    /// Most bytes of it.
    pub limit: u64,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The cache of one repository. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cache(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    limit: u64,
    held: Mutex<Held>,
}

/// Bytes that are held.
struct Held {
    /// All, when they were last counted.
    counted: u64,
    /// Written here since then.
    written: u64,
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
        name_of(format!("{}/{}/{}", self.blob, self.offset, self.length))
    }
}

impl Cache {
    /// Opens the cache of the repository with this identity, or makes it.
    ///
    /// # Errors
    /// Its directory can not be made or listed.
    pub(super) fn open(options: &CacheOptions, unique_id: &[u8]) -> Result<Self> {
        let directory = options.directory.join(name_of(unique_id));
        let failed =
            |source| Error::Io { operation: "opening the cache", path: directory.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let counted = total(&entries(&directory).map_err(failed)?);
        let held = Mutex::new(Held { counted, written: 0 });
        Ok(Cache(Arc::new(Inner { directory, limit: options.limit, held })))
    }

    /// What is held at present, by whomever.
    pub(super) fn status(&self) -> CacheStatus {
        let entries = entries(&self.0.directory).unwrap_or_default(); // a directory that was deleted holds nothing
        let (files, bytes) = (entries.len() as u64, total(&entries));
        CacheStatus { directory: self.0.directory.clone(), limit: self.0.limit, files, bytes }
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
        if range.is_kept() {
            self.put_with(&range.file(), range.length, |file| file.write_all(bytes));
        }
    }

    /// Keeps a file of this length, which `fill` writes.
    pub(super) fn put_with(&self, name: &str, length: u64, fill: impl FnOnce(&mut File) -> io::Result<()>) {
        if length > self.0.limit / 2 {
            return;
        }
        if let Err(error) = self.write(name, fill).and_then(|()| self.account(length)) {
            tracing::debug!(cache = %self.0.directory.display(), %error, "the cache keeps nothing");
        }
    }

    /// A file that was kept, if it is here.
    pub(super) fn file(&self, name: &str) -> Option<File> {
        File::open(self.0.directory.join(name)).ok()
    }

    /// The name of the file that holds an index blob in leaves.
    pub(super) fn leaves_of(blob: &BlobId) -> String {
        name_of(format!("{blob}/leaves"))
    }

    fn write(&self, name: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let temporary = self.0.directory.join(format!("{name}.{}", hex(&random::<8>())));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = fill(&mut file).and_then(|()| fs::rename(&temporary, self.0.directory.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&temporary); // a later clean-up removes it if it stays
        }
        written
    }

    /// Adds to what is held, and removes the oldest quarter when that is too much.
    fn account(&self, length: u64) -> io::Result<()> {
        let limit = self.0.limit;
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.written = held.written.saturating_add(length);
        if held.written <= limit / 16 && held.counted.saturating_add(held.written) <= limit {
            return Ok(());
        }
        let mut all = entries(&self.0.directory)?;
        *held = Held { counted: total(&all), written: 0 };
        if held.counted <= limit {
            return Ok(());
        }
        all.sort_unstable_by_key(|entry| entry.modified);
        for entry in all {
            if held.counted <= limit / 4 * 3 {
                break;
            }
            there(fs::remove_file(&entry.path))?; // another program may have been faster
            held.counted = held.counted.saturating_sub(entry.length);
        }
        Ok(())
    }
}

/// The name on the disk of what is called so.
fn name_of(what: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(what).as_slice()[..16]) // a digest has 32 bytes
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    length: u64,
    modified: SystemTime,
}

/// The files in a directory. What another program removes meanwhile is left out.
fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(metadata) = there(entry.metadata())?.filter(fs::Metadata::is_file) {
            found.push(Entry { path: entry.path(), length: metadata.len(), modified: metadata.modified()? });
        }
    }
    Ok(found)
}

fn total(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.length).fold(0, u64::saturating_add)
}

/// What was done to a file, unless it was no longer there.
fn there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

#[cfg(test)]
mod tests;
