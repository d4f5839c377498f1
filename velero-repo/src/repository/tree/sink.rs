//! A directory of this machine as a sink.
//!
//! Nothing is followed: each path is opened beneath the root's descriptor and through no link, so a tree that holds a
//! link and, below its name, a file can not write outside.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::local::{metadata_of, open_beneath};
use super::{Attributes, Kind, Metadata, Sink, SinkFile};

/// A directory of this machine that a restore fills.
#[derive(Debug)]
pub struct LocalSink {
    root: OwnedFd,
}

impl LocalSink {
    /// Opens the directory at `path`, which exists.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<LocalSink> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(LocalSink { root: rustix::fs::open(path, flags, Mode::empty())? })
    }

    /// The open directory that holds the entry, and the entry's name in it.
    fn parent<'a>(&self, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if name.is_empty() || name == b"." || name == b".." {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of an entry"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok((open_beneath(self.root.as_fd(), folder, flags)?, name))
    }
}

impl Sink for LocalSink {
    fn create_directory(&self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&folder, name, Mode::RWXU) {
            Err(Errno::EXIST) if self.metadata(path)?.is_some_and(|found| found.kind == Kind::Directory) => Ok(()),
            answer => Ok(answer?),
        }
    }

    fn create_file(&self, path: &[u8], size: u64) -> io::Result<Box<dyn SinkFile>> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&folder, name, flags | OFlags::NONBLOCK, Mode::RUSR | Mode::WUSR)?;
        let file = File::from(handle);
        file.set_len(size)?;
        Ok(Box::new(LocalSinkFile(file)))
    }

    fn create_link(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (folder, name) = self.parent(path)?;
        Ok(rustix::fs::symlinkat(target, &folder, name)?)
    }

    fn set_attributes(&self, path: &[u8], kind: Kind, attributes: &Attributes) -> io::Result<()> {
        if path.is_empty() {
            return set_attributes_at(&self.root, c".".to_bytes(), kind, attributes);
        }
        let (folder, name) = self.parent(path)?;
        set_attributes_at(&folder, name, kind, attributes)
    }

    fn metadata(&self, path: &[u8]) -> io::Result<Option<Metadata>> {
        if path.is_empty() {
            return Ok(Some(metadata_of(&rustix::fs::fstat(&self.root)?)));
        }
        let (folder, name) = self.parent(path)?;
        match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(metadata_of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn names(&self, path: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = open_beneath(self.root.as_fd(), path, flags)?;
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
        let flags = if kind == Kind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        Ok(rustix::fs::unlinkat(&folder, name, flags)?)
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

/// Owner first, because a change of owner clears set-user-id bits; the time last, because the others change nothing of
/// it but a later write would.
fn set_attributes_at(folder: &OwnedFd, name: &[u8], kind: Kind, attributes: &Attributes) -> io::Result<()> {
    if let Some((uid, gid)) = attributes.owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    if let (Some(mode), true) = (attributes.mode, kind != Kind::Link) {
        set_mode(folder, name, mode, kind)?;
    }
    if let Some(modified) = attributes.modified {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let modified =
            Timespec { tv_sec: modified.div_euclid(1_000_000_000), tv_nsec: modified.rem_euclid(1_000_000_000) as _ };
        let times = Timestamps { last_access: omit, last_modification: modified };
        rustix::fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

/// `chmod` follows links, so the entry is opened first, which does not; its old mode must not stand in the way.
fn set_mode(folder: &OwnedFd, name: &[u8], mode: u32, kind: Kind) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let flags = if kind == Kind::Directory { flags | OFlags::DIRECTORY } else { flags };
    let handle = rustix::fs::openat(folder, name, flags | OFlags::RDONLY, Mode::empty())?;
    Ok(rustix::fs::fchmod(&handle, Mode::from_raw_mode(mode & 0o7777))?)
}

/// A file that is being filled.
#[derive(Debug)]
struct LocalSinkFile(File);

impl SinkFile for LocalSinkFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
}
