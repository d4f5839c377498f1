//! Whether an entry has extended attributes or access control lists.
//!
//! The entry is asked by its path, because it may be unreadable and opening it only for this would take longer than all
//! else that is done with a file that has not changed. The answer is for the report alone: should a directory on the
//! way become a link meanwhile, the answer may be about another file, and no byte of that one is read.

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
        path.clear();
        if self.0.len() + name.len() <= LONGEST_PATH {
            path.extend_from_slice(&self.0);
        } else if write!(path, "/proc/self/fd/{}/", directory.as_raw_fd()).is_err() {
            return false;
        }
        path.extend_from_slice(name);
        // Nearly always there are none, and the system takes no memory to say so.
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

fn has_own(names: &[u8]) -> bool {
    names.split(|byte| *byte == 0).any(|name| !name.is_empty() && !LABELS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::has_own;

    #[test]
    fn a_label_of_the_system_is_no_attribute_of_the_file() {
        assert!(!has_own(b"security.selinux\0"));
        assert!(has_own(b"security.selinux\0user.note\0"));
        assert!(has_own(b"system.posix_acl_access\0"));
    }
}
