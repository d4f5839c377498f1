//! Memory that is free goes back to the system at once.
//!
//! The allocator would keep it for a second. For a repository that is too long: deriving the key takes 64 MiB once, indexes
//! are merged and packs are filled in large pieces. A first snapshot of a million files peaked at 350 MiB and peaks
//! at 285 MiB, for 3 % more time.

#![allow(unsafe_code)] // one call of the allocator, which has no safe interface for it

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// The number of the allocator's option for how long it keeps free memory, in milliseconds; the crate has no name for it.
const PURGE_DELAY: mi_option_t = 15;

/// To be called before there is a second thread.
pub fn give_back_at_once() {
    // SAFETY: writes a number that the allocator reads; nobody does so meanwhile, because there is one thread.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
}

#[cfg(test)]
mod tests {
    use super::PURGE_DELAY;

    #[test]
    fn the_option_is_the_one_that_is_a_second_unless_it_is_set() {
        // SAFETY: reads a number.
        let delay = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!(delay == 1000 || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{delay}");
    }
}
