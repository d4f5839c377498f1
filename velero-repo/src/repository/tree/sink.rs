//! A directory of this machine as a sink, or a single file of it.
//!
//! Nothing is followed: each directory is opened beneath the root's descriptor and through no link, and each entry is
//! created under a name that nothing had, so a tree that holds a link and, below its name, a file can not write outside.
//! The last few directories stay open, because files of one directory come together.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, FallocateFlags, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::local::{metadata_of, open_beneath};
use super::{Attributes, Kind, Metadata, Refused, Sink, SinkFile};
use crate::repository::direct::{Direct, WORTHWHILE};

/// Directories that stay open.
const KEPT: usize = 16;
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A directory of this machine that a restore fills, or a file or device that takes a single file.
#[derive(Debug)]
pub struct LocalSink {
    root: OwnedFd,
    kept: Mutex<Vec<(Vec<u8>, Arc<OwnedFd>)>>,
}

impl LocalSink {
    /// Opens the directory at `path`, which exists. The path itself may lead through links.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<LocalSink> {
        Ok(LocalSink { root: rustix::fs::open(path, DIRECTORY, Mode::empty())?, kept: Mutex::default() })
    }

    /// Opens the file or block device at `path`, which takes the bytes of a single file. A file may be new; what is in
    /// it stays until the restore begins.
    ///
    /// # Errors
    /// The system's.
    pub fn file(path: &Path) -> io::Result<LocalSink> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(LocalSink { root: rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?, kept: Mutex::default() })
    }

    /// The open directory that holds the entry, and the entry's name in it.
    fn parent<'a>(&self, path: &'a [u8]) -> io::Result<(Arc<OwnedFd>, &'a [u8])> {
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if name.is_empty() || name == b"." || name == b".." {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of an entry"));
        }
        let mut kept = self.kept();
        if let Some(at) = kept.iter().position(|(known, _)| known == folder) {
            let found = kept.remove(at);
            let handle = found.1.clone();
            kept.push(found);
            return Ok((handle, name));
        }
        drop(kept);
        let handle = Arc::new(open_beneath(self.root.as_fd(), folder, DIRECTORY)?);
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((folder.to_vec(), handle.clone()));
        Ok((handle, name))
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Vec<u8>, Arc<OwnedFd>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root, where it is a file or a device.
    fn root_file(&self, size: u64) -> io::Result<Box<dyn SinkFile>> {
        let file = File::from(self.root.try_clone()?);
        let is_file = file.metadata()?.is_file();
        if is_file {
            file.set_len(0)?;
            file.set_len(size)?;
        }
        Ok(Box::new(LocalSinkFile::new(file, is_file, size)))
    }
}

impl Sink for LocalSink {
    fn create_directory(&self, path: &[u8]) -> io::Result<bool> {
        let (folder, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&*folder, name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            answer => return Ok(answer.map(|()| true)?),
        }
        let found = metadata_of(&rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
        if found.kind != Kind::Directory {
            return Err(Errno::EXIST.into());
        }
        if found.mode & 0o700 != 0o700 && found.uid == rustix::process::geteuid().as_raw() {
            change_mode(&folder, name, Mode::from_raw_mode((found.mode | 0o700) as _))?;
        }
        Ok(false)
    }

    fn create_file(&self, path: &[u8], size: u64) -> io::Result<Box<dyn SinkFile>> {
        if path.is_empty() {
            return self.root_file(size);
        }
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&*folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        if size > 0 {
            file.set_len(size)?;
        }
        Ok(Box::new(LocalSinkFile::new(file, true, size)))
    }

    fn create_link(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        Ok(rustix::fs::symlinkat(target, &*folder, name)?)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let ((old, from), (new, to)) = (self.parent(from)?, self.parent(to)?);
        Ok(rustix::fs::renameat(&*old, from, &*new, to)?)
    }

    fn set_attributes(&self, path: &[u8], kind: Kind, attributes: &Attributes) -> Refused {
        if path.is_empty() {
            return set_attributes_at(&self.root, c".".to_bytes(), kind, attributes);
        }
        match self.parent(path) {
            Ok((folder, name)) => set_attributes_at(&folder, name, kind, attributes),
            Err(error) => Refused { modified: Some(error), ..Refused::default() },
        }
    }

    fn metadata(&self, path: &[u8]) -> io::Result<Option<Metadata>> {
        if path.is_empty() {
            return Ok(Some(metadata_of(&rustix::fs::fstat(&self.root)?)));
        }
        let (folder, name) = self.parent(path)?;
        match rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(metadata_of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn names(&self, path: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let handle = open_beneath(self.root.as_fd(), path, DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&handle)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn remove(&self, path: &[u8], kind: Kind) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        if kind == Kind::Directory {
            self.kept().clear(); // the name may come back as another directory
            return Ok(rustix::fs::unlinkat(&*folder, name, AtFlags::REMOVEDIR)?);
        }
        Ok(rustix::fs::unlinkat(&*folder, name, AtFlags::empty())?)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.root)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn sync(&self) -> io::Result<()> {
        rustix::fs::sync();
        Ok(())
    }
}

/// Owner first, because a change of owner clears set-user-id bits; the time last, because a write would change it.
fn set_attributes_at(folder: &OwnedFd, name: &[u8], kind: Kind, attributes: &Attributes) -> Refused {
    let mut refused = Refused::default();
    if let Some((uid, gid)) = attributes.owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        refused.owner = refusal(rustix::fs::chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW));
    }
    if let (Some(mode), true) = (attributes.mode, kind != Kind::Link) {
        let set = |mode| change_mode(folder, name, mode);
        refused.mode = set_mode(mode, is_foreign(attributes, &refused), set).err();
    }
    if let Some(modified) = attributes.modified {
        let times = times(modified);
        refused.modified = refusal(rustix::fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW));
    }
    refused
}

/// Whether the owner is whoever restores, and not the one of the snapshot: he could not be set, or was not to be.
fn is_foreign(attributes: &Attributes, refused: &Refused) -> bool {
    refused.owner.is_some() || attributes.owner.is_none()
}

/// Sets a mode. The bits that lend the owner's rights are left away where the owner is not the one they were meant for.
fn set_mode(mode: u32, foreign: bool, set: impl FnOnce(Mode) -> io::Result<()>) -> io::Result<()> {
    let allowed = if foreign { mode & 0o1777 } else { mode & 0o7777 };
    set(Mode::from_raw_mode(allowed as _))?;
    match allowed == mode & 0o7777 {
        true => Ok(()),
        false => Err(io::Error::other("set-user-id and set-group-id are left away, the owner is another")),
    }
}

/// `chmod` follows links, so the entry is opened first, which does not. One that its owner may not read has no other
/// handle than its entry in `/proc`.
fn change_mode(folder: &OwnedFd, name: &[u8], mode: Mode) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::openat(folder, name, flags | OFlags::RDONLY, Mode::empty()) {
        Ok(handle) => Ok(rustix::fs::fchmod(&handle, mode)?),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Err(Errno::ACCESS) => {
            use std::os::fd::AsRawFd;
            let handle = rustix::fs::openat(folder, name, flags | OFlags::PATH, Mode::empty())?;
            if metadata_of(&rustix::fs::fstat(&handle)?).kind == Kind::Link {
                return Err(Errno::LOOP.into());
            }
            Ok(rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), mode)?)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn times(modified: i64) -> Timestamps {
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let modified =
        Timespec { tv_sec: modified.div_euclid(1_000_000_000), tv_nsec: modified.rem_euclid(1_000_000_000) as _ };
    Timestamps { last_access: omit, last_modification: modified }
}

fn refusal(answer: Result<(), Errno>) -> Option<io::Error> {
    answer.err().map(Into::into)
}

/// A file that is being filled.
#[derive(Debug)]
struct LocalSinkFile {
    file: File,
    /// For large files, where the file system has it.
    direct: Option<Direct>,
    blank: bool,
    /// Bytes that it will have, if they were said.
    size: u64,
}

impl LocalSinkFile {
    fn new(file: File, blank: bool, size: u64) -> LocalSinkFile {
        let direct = if size >= WORTHWHILE as u64 { Direct::of(&file) } else { None };
        LocalSinkFile { file, direct, blank, size }
    }
}

impl SinkFile for LocalSinkFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.direct {
            Some(direct) => direct.write_at(&self.file, offset, bytes),
            None => self.file.write_all_at(bytes, offset),
        }
    }

    fn reserve(&self) -> io::Result<()> {
        if !self.blank || self.size == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, self.size) {
            Err(full @ (Errno::NOSPC | Errno::DQUOT)) => Err(full.into()),
            _ => Ok(()), // this file system sets none aside
        }
    }

    fn is_blank(&self) -> bool {
        self.blank
    }

    fn set_attributes(&self, attributes: &Attributes) -> Refused {
        let mut refused = Refused::default();
        if let Some((uid, gid)) = attributes.owner
            && !rustix::fs::fstat(&self.file).is_ok_and(|now| (now.st_uid, now.st_gid) == (uid, gid))
        {
            refused.owner = refusal(rustix::fs::fchown(&self.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))));
        }
        if let Some(mode) = attributes.mode {
            let set = |mode| rustix::fs::fchmod(&self.file, mode).map_err(Into::into);
            refused.mode = set_mode(mode, is_foreign(attributes, &refused), set).err();
        }
        if let Some(modified) = attributes.modified {
            refused.modified = refusal(rustix::fs::futimens(&self.file, &times(modified)));
        }
        refused
    }

    /// Every close of a descriptor asks the file system, and a second one stands for the first, whose drop can not answer.
    fn flush(&self) -> io::Result<()> {
        Ok(nix::unistd::close(self.file.try_clone()?)?)
    }
}
