//! Whether an entry has extended attributes or access control lists.
//!
//! The entry is asked by its name in its directory, or by its path where the system can not do that: it may be unreadable,
//! and opening it only for this would take longer than all else that is done with a file that has not changed. The answer
//! is for the report alone: should a directory on the way become a link meanwhile, the answer by path may be about another
//! file, and no byte of that one is read.

#[cfg(target_os = "linux")]
mod at;

use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Labels that the system itself puts on every file of a labelled machine and that a restore gets anew.
const LABELS: [&[u8]; 1] = [b"security.selinux"];
/// Room for names; an entry with more of them surely has one of its own.
const NAMES: usize = 1024;
/// The system takes no longer paths.
const LONGEST_PATH: usize = 4095;

/// The path of a directory, with a slash at its end.
pub(super) struct Place(Vec<u8>);

impl Place {
    pub(super) fn new(root: &[u8], path: &[u8]) -> Place {
        let mut place = Vec::with_capacity(root.len() + path.len() + 2);
        for part in [root, path].into_iter().filter(|part| !part.is_empty()) {
            place.extend_from_slice(part);
            if !part.ends_with(b"/") {
                place.push(b'/');
            }
        }
        Place(place)
    }

    /// Asks the entry `name`; nothing means the directory itself. The path is made in `path`, whatever that was before.
    pub(super) fn has_extended(&self, directory: BorrowedFd<'_>, name: &[u8], path: &mut Vec<u8>) -> bool {
        // Nearly always there are none, and the system takes no memory to say so.
        if length_of_names(directory, name, path) == Some(0) {
            return false;
        }
        self.has_own_by_path(directory, name, path)
    }

    fn has_own_by_path(&self, directory: BorrowedFd<'_>, name: &[u8], path: &mut Vec<u8>) -> bool {
        path.clear();
        if self.0.len() + name.len() <= LONGEST_PATH {
            path.extend_from_slice(&self.0);
        } else if write!(path, "/proc/self/fd/{}/", directory.as_raw_fd()).is_err() {
            return false;
        }
        path.extend_from_slice(name);
        if rustix::fs::llistxattr_query(path.as_slice()) == Ok(0) {
            return false;
        }
        let mut names = [0_u8; NAMES];
        match rustix::fs::llistxattr(path.as_slice(), &mut names[..]) {
            Ok(0) => false,
            Ok(length) => has_own(&names[..length.min(NAMES)]),
            Err(rustix::io::Errno::RANGE) => true,
            Err(_) => false, // the file system has none, or the entry is gone
        }
    }
}

/// Bytes of the names of what an entry has, asked for without a path; nothing where that is not to be had.
#[cfg(target_os = "linux")]
fn length_of_names(directory: BorrowedFd<'_>, name: &[u8], room: &mut Vec<u8>) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    room.clear();
    room.extend_from_slice(name);
    room.push(0);
    at::length(directory, std::ffi::CStr::from_bytes_with_nul(room).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn length_of_names(_: BorrowedFd<'_>, _: &[u8], _: &mut Vec<u8>) -> Option<usize> {
    None
}

fn has_own(names: &[u8]) -> bool {
    names.split(|byte| *byte == 0).any(|name| !name.is_empty() && !LABELS.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;

    use super::{Place, has_own};

    #[cfg(target_os = "linux")]
    #[test]
    fn an_entry_is_found_from_its_directory_as_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bare", "noted"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(folder.path().join("noted"), "user.note", b"1", flags).unwrap();
        std::os::unix::fs::symlink("noted", folder.path().join("link")).unwrap();
        let directory = std::fs::File::open(folder.path()).unwrap();
        let place = Place::new(folder.path().as_os_str().as_bytes(), b"");
        for (name, has) in [("bare", false), ("noted", true), ("link", false), ("absent", false)] {
            let (name, mut room) = (name.as_bytes(), Vec::new());
            assert_eq!(place.has_extended(directory.as_fd(), name, &mut room), has, "{name:?}");
            assert_eq!(place.has_own_by_path(directory.as_fd(), name, &mut room), has, "{name:?}");
            let length = super::length_of_names(directory.as_fd(), name, &mut room);
            assert!(length.is_none_or(|length| (length > 0) == has), "{name:?}: {length:?}");
        }
    }

    #[test]
    fn a_label_of_the_system_is_no_attribute_of_the_file() {
        assert!(!has_own(b"security.selinux\0"));
        assert!(has_own(b"security.selinux\0user.note\0"));
        assert!(has_own(b"system.posix_acl_access\0"));
    }
}
