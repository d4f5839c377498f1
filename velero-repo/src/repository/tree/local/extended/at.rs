//! `listxattrat`, which finds an entry from its directory, where the older calls walk down a whole path. Linux has it since
//! 6.13, and none of our libraries has a safe name for it yet. A snapshot of a million unchanged files asks a million times:
//! that takes 0.27 s instead of 0.43 s on top of a second for looking at the files.

#![allow(unsafe_code)] // one system call

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc::{AT_SYMLINK_NOFOLLOW, ENOSYS, EPERM, c_char, c_long, syscall};

/// The number of the call where it was looked up; other processors count from elsewhere, and get the answer by path.
const LISTXATTRAT: Option<c_long> = {
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) && cfg!(target_pointer_width = "64");
    if known { Some(465) } else { None }
};

/// Set when the system said that it has no such call, or a sandbox that nobody may use it.
static ABSENT: AtomicBool = AtomicBool::new(false);

/// Bytes of the names of an entry's extended attributes; nothing where the call can not tell.
pub(super) fn length(directory: BorrowedFd<'_>, name: &CStr) -> Option<usize> {
    let call = LISTXATTRAT.filter(|_| !ABSENT.load(Ordering::Relaxed))?;
    let (list, size) = (std::ptr::null_mut::<c_char>(), 0_usize);
    // SAFETY: the descriptor is open and the name ends with a zero while the call lasts; without room for a list nothing
    // is written.
    let answer = unsafe { syscall(call, directory.as_raw_fd(), name.as_ptr(), AT_SYMLINK_NOFOLLOW, list, size) };
    if answer < 0 && matches!(std::io::Error::last_os_error().raw_os_error(), Some(ENOSYS | EPERM)) {
        ABSENT.store(true, Ordering::Relaxed);
    }
    usize::try_from(answer).ok()
}
