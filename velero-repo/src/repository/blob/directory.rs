//! Blobs in a directory of this machine, as Kopia's file-system store keeps them.
//!
//! A blob appears under its name only when all its bytes are on the disk: they go to `<final>.tmp.<16 hex>` beside it, are
//! synced, and the file is renamed; then the directory is synced, and those above it that had to be made. What a crash
//! leaves behind ends in such a name and is ignored by every listing. Directories have mode 0700, files 0600.

use super::BlobInfo;
use super::disk::{Call, Disk};
use super::sharding::{SHARDS_FILE, SUFFIX, Shards};
use crate::error::{Error, Result};
use crate::repository::clock::Clock;
use crate::repository::direct;
use crate::repository::name::{BlobId, hex};
use crate::repository::seal::random;
use bytes::Bytes;
use jiff::Timestamp;
use std::borrow::Cow;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The longest `.shards` that is read, bytes.
const LONGEST_SHARDS: u64 = 1 << 20;
/// Directories inside each other that a listing follows.
const DEEPEST: usize = 32;

/// A directory with the blobs of one repository.
#[derive(Clone)]
pub(super) struct Directory {
    root: Arc<Path>,
    /// Empty while there is no `.shards`: whoever creates the repository may still write it.
    shards: Arc<OnceLock<Shards>>,
    clock: Option<Arc<dyn Clock>>,
    disk: Disk,
}

impl Directory {
    /// Reads `.shards`. The directory may be missing, and has no blobs then.
    pub(super) fn open(root: PathBuf) -> Result<Self> {
        let directory = Directory { root: root.into(), shards: Arc::default(), clock: None, disk: Disk::default() };
        directory.shards()?;
        Ok(directory)
    }

    /// The parameters in `.shards`, which never change once they are there; those of a directory without, until then.
    fn shards(&self) -> Result<Cow<'_, Shards>> {
        if self.shards.get().is_none()
            && let Some(stored) = stored_shards(&self.disk, &self.root)?
        {
            let _ = self.shards.set(stored); // somebody else may have read the same
        }
        Ok(self.shards.get().map_or_else(|| Cow::Owned(Shards::absent()), Cow::Borrowed))
    }

    pub(super) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = Some(clock);
    }

    #[cfg(test)]
    pub(super) fn set_trouble(&mut self, trouble: Arc<super::disk::trouble::Trouble>) {
        self.disk.trouble = Some(trouble);
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes `.shards` if there is none.
    pub(super) fn prepare(&self, new: bool) -> Result<()> {
        self.shards()?;
        if self.shards.get().is_some() {
            return Ok(());
        }
        let shards = if new { Shards::new() } else { Shards::absent() };
        let json = serde_json::to_vec(&shards).map_err(|e| Error::invalid(SHARDS_FILE, e.to_string()))?;
        let path = self.root.join(SHARDS_FILE);
        self.write(&path, &json).map_err(failed("writing", &path))
    }

    pub(super) fn path(&self, id: &BlobId) -> Result<PathBuf> {
        Ok(self.root.join(self.shards()?.path(id)?))
    }

    pub(super) fn get(&self, id: &BlobId, limit: u64) -> Result<Option<Bytes>> {
        let path = self.path(id)?;
        let Some(file) = open(&self.disk, &path)? else { return Ok(None) };
        let length = self.disk.call(Call::Stat, || file.metadata()).map_err(failed("looking at", &path))?.len();
        if length > limit {
            return Err(Error::corrupt(
                id.as_str(),
                format!("it has {length} bytes, more than the {limit} that are allowed"),
            ));
        }
        read_at(&self.disk, &file, id, &path, 0, length).map(Some)
    }

    pub(super) fn get_range(&self, id: &BlobId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        let path = self.path(id)?;
        let Some(file) = open(&self.disk, &path)? else { return Ok(None) };
        read_at(&self.disk, &file, id, &path, offset, length).map(Some)
    }

    /// As [`Directory::get_range`], into memory that is there already; whether there is such a blob.
    pub(super) fn read_range(&self, id: &BlobId, offset: u64, into: &mut [u8]) -> Result<bool> {
        let path = self.path(id)?;
        let Some(file) = open(&self.disk, &path)? else { return Ok(false) };
        match self.disk.call(Call::Read, || file.read_exact_at(into, offset)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
                let wanted = into.len();
                Err(Error::corrupt(id.as_str(), format!("it ends before the {wanted} bytes from {offset} on")))
            }
            Err(e) => Err(failed("reading", &path)(e)),
        }
    }

    pub(super) fn put(&self, id: &BlobId, bytes: &[u8]) -> Result<()> {
        let path = self.path(id)?;
        self.write(&path, bytes).map_err(failed("writing", &path))
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Puts `bytes` under `path`, whole and durably.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary(path)?;
        let written = self.write_temporary(&temporary, bytes);
        if let Err(error) = written.and_then(|file| self.complete(&file, &temporary, path)) {
            let _ = self.disk.call(Call::Remove, || fs::remove_file(&temporary)); // ignored by listings if it stays
            return Err(error);
        }
        self.sync_above(path)
    }

    /// A name that nobody has, for what is to be found at `path`, in a directory that is there.
    pub(super) fn temporary(&self, path: &Path) -> io::Result<PathBuf> {
        make_directory(&self.disk, path.parent().unwrap_or(&self.root))?;
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".tmp.{}", hex(&random::<8>())));
        Ok(temporary.into())
    }

    fn write_temporary(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let direct = bytes.len() >= direct::WORTHWHILE;
        let file = if direct { direct::create(&self.disk, path, bytes)? } else { None };
        file.map_or_else(|| self.disk.write(bytes, |bytes| buffered(path, bytes)), Ok)
    }

    /// Makes a file durable, then gives it its name, which is not durable yet.
    pub(super) fn complete(&self, file: &File, temporary: &Path, path: &Path) -> io::Result<()> {
        if let Some(clock) = &self.clock {
            self.disk.call(Call::SetTime, || file.set_modified(clock.now().into()))?;
        }
        self.disk.call(Call::Sync, || file.sync_all())?;
        self.disk.call(Call::Rename, || fs::rename(temporary, path))
    }

    /// Makes a name durable.
    pub(super) fn sync_above(&self, path: &Path) -> io::Result<()> {
        sync(&self.disk, path.parent().unwrap_or(&self.root))
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        let mut blobs = Vec::new();
        let mut ahead = vec![(self.root.to_path_buf(), String::new(), 0)];
        while let Some((path, name, depth)) = ahead.pop() {
            let entries = match self.disk.call(Call::List, || fs::read_dir(&path)) {
                Ok(entries) => entries,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed("listing", &path)(e)),
            };
            for entry in entries {
                let entry = entry.map_err(failed("listing", &path))?;
                let Ok(part) = entry.file_name().into_string() else { continue };
                let kind = entry.file_type().map_err(failed("listing", &path))?;
                let whole = format!("{name}{part}");
                if kind.is_dir() && depth < DEEPEST && (whole.starts_with(prefix) || prefix.starts_with(&whole)) {
                    ahead.push((entry.path(), whole, depth + 1));
                } else if kind.is_file()
                    && whole.starts_with(prefix)
                    && let Some(id) = whole.strip_suffix(SUFFIX).and_then(|name| BlobId::new(name).ok())
                {
                    blobs.extend(info(&self.disk, id, &entry.path())?);
                }
            }
        }
        Ok(blobs)
    }

    pub(super) fn stat(&self, id: &BlobId) -> Result<Option<BlobInfo>> {
        info(&self.disk, id.clone(), &self.path(id)?)
    }

    pub(super) fn delete(&self, id: &BlobId) -> Result<()> {
        let path = self.path(id)?;
        match self.disk.call(Call::Remove, || fs::remove_file(&path)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("deleting", &path)(e)),
            _ => Ok(()),
        }
    }
}

/// Makes the file and writes `bytes` to it through the page cache.
fn buffered(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = open_new(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Makes a file that is written through the page cache.
pub(super) fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Size and time of a file; `None` if it has gone, or is none.
fn info(disk: &Disk, id: BlobId, path: &Path) -> Result<Option<BlobInfo>> {
    let metadata = match disk.call(Call::Stat, || fs::metadata(path)) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed("looking at", path)(e)),
    };
    let modified = metadata.modified().map_err(failed("looking at", path))?;
    let modified = Timestamp::try_from(modified).map_err(|e| Error::corrupt(id.as_str(), e.to_string()))?;
    Ok(metadata.is_file().then_some(BlobInfo { id, length: metadata.len(), modified }))
}

fn open(disk: &Disk, path: &Path) -> Result<Option<File>> {
    match disk.call(Call::Open, || File::open(path)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("opening", path)(e)),
    }
}

/// Exactly the bytes that were asked for. Nothing is allocated for bytes that the file does not have.
fn read_at(disk: &Disk, file: &File, id: &BlobId, path: &Path, offset: u64, length: u64) -> Result<Bytes> {
    let size = disk.call(Call::Stat, || file.metadata()).map_err(failed("looking at", path))?.len();
    let short = || Error::corrupt(id.as_str(), format!("{length} bytes from {offset} on were wanted of {size}"));
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(short());
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| short())?];
    match disk.call(Call::Read, || file.read_exact_at(&mut bytes, offset)) {
        Ok(()) => Ok(bytes.into()),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(short()),
        Err(e) => Err(failed("reading", path)(e)),
    }
}

fn stored_shards(disk: &Disk, root: &Path) -> Result<Option<Shards>> {
    let path = root.join(SHARDS_FILE);
    let Some(file) = open(disk, &path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = || file.take(LONGEST_SHARDS).read_to_end(&mut bytes);
    disk.call(Call::Read, read).map_err(failed("reading", &path))?;
    Shards::parse(&bytes).map(Some)
}

/// Makes a directory and those above it, each of them durable in the one that holds it.
fn make_directory(disk: &Disk, path: &Path) -> io::Result<()> {
    let make = || disk.call(Call::MakeDirectory, || DirBuilder::new().mode(0o700).create(path));
    match make() {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let above = path.parent().ok_or(e)?;
            make_directory(disk, above)?;
            match make() {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        other => other?,
    }
    path.parent().map_or(Ok(()), |above| sync(disk, above))
}

/// Makes durable which entries a directory has.
fn sync(disk: &Disk, directory: &Path) -> io::Result<()> {
    disk.call(Call::Sync, || File::open(directory)?.sync_all())
}

pub(super) fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |source| Error::Io { operation, path, source }
}
