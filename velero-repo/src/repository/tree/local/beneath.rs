//! Opening a path beneath a descriptor, through no link and of any length.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

/// Paths up to this many bytes go to the kernel whole; its own limit is 4096 with the closing zero.
const WHOLE: usize = 4000;

/// Opens `path` beneath `root`; an empty path opens the root itself anew.
pub(in crate::repository::tree) fn open_beneath(
    root: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
) -> io::Result<OwnedFd> {
    if path.is_empty() {
        return Ok(openat(root, c".", flags, Mode::empty())?);
    }
    if path.len() <= WHOLE {
        match open_whole(root, path, flags) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::AGAIN | Errno::PERM) => {}
            answer => return Ok(answer?),
        }
    }
    open_by_names(root, path, flags)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_whole(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_whole(_: BorrowedFd<'_>, _: &[u8], _: OFlags) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

/// One step for each name, none of them through a link.
fn open_by_names(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let (folders, last) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    };
    let mut at: Option<OwnedFd> = None;
    for name in folders.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        refuse_upwards(name)?;
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        at = Some(openat(at.as_ref().map_or(root, AsFd::as_fd), name, step, Mode::empty())?);
    }
    refuse_upwards(last)?;
    Ok(openat(at.as_ref().map_or(root, AsFd::as_fd), last, flags | OFlags::NOFOLLOW, Mode::empty())?)
}

fn refuse_upwards(name: &[u8]) -> io::Result<()> {
    match name {
        b".." => Err(io::Error::new(io::ErrorKind::InvalidInput, "a path may not lead upwards")),
        _ => Ok(()),
    }
}
