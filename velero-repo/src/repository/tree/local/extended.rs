//! Whether an entry has extended attributes or access control lists.

use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Labels that the system itself puts on every file of a labelled machine and that a restore gets anew.
const LABELS: [&[u8]; 1] = [b"security.selinux"];

/// Room for names; an entry with more of them surely has one of its own.
const NAMES: usize = 1024;

/// Asks through the directory's descriptor, because the entry may be unreadable and is not opened for this.
pub(super) fn has_extended(directory: BorrowedFd<'_>, name: &[u8]) -> bool {
    let mut path = Vec::with_capacity(32 + name.len());
    if write!(path, "/proc/self/fd/{}/", directory.as_raw_fd()).is_err() {
        return false;
    }
    path.extend_from_slice(name);
    let mut names = [0_u8; NAMES];
    match rustix::fs::llistxattr(path.as_slice(), &mut names[..]) {
        Ok(0) => false,
        Ok(length) => has_own(&names[..length.min(NAMES)]),
        Err(rustix::io::Errno::RANGE) => true,
        Err(_) => false, // the file system has none, or the entry is gone
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
