//! A directory of this machine as a source.
//!
//! Every path is resolved beneath the root's descriptor and through no link, in one system call where the kernel has
//! `openat2`, else name by name; so paths longer than the system's limit work, and an entry that turns into a link
//! while the tree is read leads nowhere; the one exception are links that were asked to be followed. Reading leaves access times alone where the system allows it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::{Kind, Metadata, Source, SourceDirectory, SourceFile, Special};

mod beneath;
mod extended;
mod file;

pub(super) use beneath::open_beneath;
use extended::Place;
use file::LocalFile;

/// Longest link target that Linux has, in bytes.
const LINK_LIMIT: usize = 4096;

/// Bytes of entries that the system is asked for at a time.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LISTED: usize = 32 << 10;

/// What a [`LocalSource`] looks at beyond the plain entries.
#[derive(Clone, Copy, Debug)]
pub struct LocalOptions {
    /// Ask each entry for extended attributes and access control lists, one system call each, so that the snapshot's
    /// report can name what the format drops.
    pub extended: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        LocalOptions { extended: true }
    }
}

/// A directory, or a single file, of this machine.
#[derive(Debug)]
pub struct LocalSource {
    path: PathBuf,
    root: OwnedFd,
    options: LocalOptions,
}

impl LocalSource {
    /// Opens the tree at `path`. The path itself may lead through links; nothing below it does.
    ///
    /// # Errors
    /// The system's, such as `NotFound`.
    pub fn open(path: &Path, options: LocalOptions) -> io::Result<LocalSource> {
        let path = path.canonicalize()?;
        let root = open_quietly(rustix::fs::CWD, path.as_os_str().as_bytes(), OFlags::NONBLOCK)?;
        Ok(LocalSource { path, root, options })
    }

    /// The tree's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Source for LocalSource {
    fn name(&self) -> Vec<u8> {
        self.path.file_name().map_or_else(|| b"/".to_vec(), |name| name.as_bytes().to_vec())
    }

    fn root(&self) -> io::Result<Metadata> {
        Ok(metadata_of(&rustix::fs::fstat(&self.root)?))
    }

    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = open_beneath(self.root.as_fd(), path, flags | OFlags::NOATIME)
            .or_else(|refusal| retry_without_noatime(&refusal, || open_beneath(self.root.as_fd(), path, flags)))?;
        let place = self.options.extended.then(|| Place::new(self.path.as_os_str().as_bytes(), path));
        Ok(Box::new(LocalDirectory { handle, place }))
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        let path = self.path.as_os_str().as_bytes();
        Ok(Box::new(LocalFile::new(File::from(open_quietly(rustix::fs::CWD, path, OFlags::NONBLOCK)?))))
    }
}

/// One open directory.
struct LocalDirectory {
    handle: OwnedFd,
    /// Where it lies, if its entries are asked for extended attributes.
    place: Option<Place>,
}

impl SourceDirectory for LocalDirectory {
    fn itself(&self) -> io::Result<Metadata> {
        let mut found = metadata_of(&rustix::fs::fstat(&self.handle)?);
        found.extended = self.has_extended(b"", &mut Vec::new());
        Ok(found)
    }

    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Kind>)) -> io::Result<()> {
        let each = &mut |name: &[u8], kind: FileType| {
            if name != b"." && name != b".." {
                each(name, kind_of(kind));
            }
        };
        list(&self.handle, each)
    }

    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>> {
        let mut path = Vec::new();
        names.iter().map(|name| self.look_at(name, &mut path)).collect()
    }

    fn open(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        // A pipe that took the file's name must not make us wait for its writer.
        let handle = open_quietly(self.handle.as_fd(), name, OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
        Ok(Box::new(LocalFile::new(File::from(handle))))
    }

    fn follow(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        // Whoever reads a file with rules wants to know which; and a pipe at the end must not make us wait.
        let failed = |error: io::Error| {
            io::Error::new(error.kind(), format!("the link {}: {error}", String::from_utf8_lossy(name)))
        };
        let handle = open_quietly(self.handle.as_fd(), name, OFlags::NONBLOCK).map_err(failed)?;
        match metadata_of(&rustix::fs::fstat(&handle)?).kind {
            Kind::File => Ok(Box::new(LocalFile::new(File::from(handle)))),
            _ => Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it does not end at a regular file"))),
        }
    }

    fn link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = rustix::fs::readlinkat(&self.handle, name, Vec::with_capacity(LINK_LIMIT / 16))?;
        Ok(target.into_bytes())
    }
}

impl LocalDirectory {
    fn look_at(&self, name: &[u8], path: &mut Vec<u8>) -> io::Result<Metadata> {
        let mut found = metadata_of(&rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?);
        found.extended = self.has_extended(name, path);
        Ok(found)
    }

    fn has_extended(&self, name: &[u8], path: &mut Vec<u8>) -> bool {
        self.place.as_ref().is_some_and(|place| place.has_extended(self.handle.as_fd(), name, path))
    }
}

/// Calls `each` with every entry, in the system's order.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn list(directory: &OwnedFd, each: &mut dyn FnMut(&[u8], FileType)) -> io::Result<()> {
    rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); LISTED];
    let mut entries = rustix::fs::RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        each(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

/// Calls `each` with every entry, in the system's order.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn list(directory: &OwnedFd, each: &mut dyn FnMut(&[u8], FileType)) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        each(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

/// Opens for reading without leaving a trace, if the system lets us.
fn open_quietly(at: BorrowedFd<'_>, name: &[u8], more: OFlags) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | more;
    rustix::fs::openat(at, name, flags | OFlags::NOATIME, Mode::empty())
        .map_err(io::Error::from)
        .or_else(|refusal| retry_without_noatime(&refusal, || Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)))
}

/// `O_NOATIME` is refused for files of other owners; they are then read like by anybody else.
fn retry_without_noatime(refusal: &io::Error, again: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    match refusal.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::PERM) => again(),
        _ => Err(io::Error::new(refusal.kind(), refusal.to_string())),
    }
}

/// The kind a listing shows; `None` where the file system does not say.
fn kind_of(kind: FileType) -> Option<Kind> {
    Some(match kind {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Link,
        FileType::BlockDevice => Kind::Special(Special::Block),
        FileType::CharacterDevice => Kind::Special(Special::Character),
        FileType::Fifo => Kind::Special(Special::Pipe),
        FileType::Socket => Kind::Special(Special::Socket),
        FileType::Unknown => return None,
    })
}

/// The system's answer in our terms.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // the fields' widths differ between systems
pub(super) fn metadata_of(stat: &Stat) -> Metadata {
    let kind = kind_of(FileType::from_raw_mode(stat.st_mode)).unwrap_or(Kind::Special(Special::Other));
    let nanoseconds = i128::from(stat.st_mtime) * 1_000_000_000 + stat.st_mtime_nsec as i128;
    let modified = nanoseconds.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Metadata {
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: if matches!(kind, Kind::File | Kind::Link) { stat.st_size as u64 } else { 0 },
        modified: modified as i64,
        time_clamped: modified != nanoseconds,
        device: stat.st_dev as u64,
        links: stat.st_nlink as u64,
        allocated: stat.st_blocks as u64 * 512,
        extended: false,
    }
}
