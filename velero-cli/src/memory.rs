//! Memory comes in small pages, and what is free goes back to the system at once.
//!
//! The allocator asks for large pages. When other programs have filled the page cache, the kernel moves pages about until
//! it has large ones: opening a repository took 0.2 s longer then, and verifying one took 8 s longer once. Without them
//! everything takes as long as with them at their best, and 20 MiB less.
//!
//! The allocator would keep free memory for a second. For a repository that is too long: deriving the key takes 64 MiB
//! once, indexes are merged and packs are filled in large pieces. A first snapshot of a million files peaked 65 MiB lower
//! without that second, for 3 % more time.

#![allow(unsafe_code)] // one call of the allocator, which has no safe interface for it

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// The number of the allocator's option for how long it keeps free memory, in milliseconds; the crate has no name for it.
const PURGE_DELAY: mi_option_t = 15;

/// To be called before there is a second thread.
pub fn spend_little() {
    take_small_pages();
    // SAFETY: writes a number that the allocator reads; nobody does so meanwhile, because there is one thread.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
}

/// Programs that are started from here inherit it.
#[cfg(target_os = "linux")]
fn take_small_pages() {
    if let Err(refusal) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%refusal, "there may be large pages");
    }
}

#[cfg(not(target_os = "linux"))]
fn take_small_pages() {}

#[cfg(test)]
mod tests {
    use super::PURGE_DELAY;

    #[cfg(target_os = "linux")]
    #[test]
    fn there_are_no_large_pages_for_anything_that_is_allocated_afterwards() {
        super::take_small_pages();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(status.contains("THP_enabled:\t0"), "{status}");
    }

    #[test]
    fn the_option_is_the_one_that_is_a_second_unless_it_is_set() {
        // SAFETY: reads a number.
        let delay = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!(delay == 1000 || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{delay}");
    }
}
