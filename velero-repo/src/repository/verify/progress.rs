//! How far verifying is: counters that any thread may look at.

use super::report::Checked;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a running verification.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) blobs: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) index_blobs: AtomicU64,
    pub(super) contents: AtomicU64,
    pub(super) packs: AtomicU64,
    pub(super) directories: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) contents_read: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) trailers: AtomicU64,
    pub(super) bytes_to_read: AtomicU64,
}

impl Progress {
    /// One look at the counters.
    pub fn checked(&self) -> Checked {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Checked {
            blobs: read(&self.blobs),
            bytes: read(&self.bytes),
            index_blobs: read(&self.index_blobs),
            contents: read(&self.contents),
            packs: read(&self.packs),
            directories: read(&self.directories),
            files: read(&self.files),
            contents_read: read(&self.contents_read),
            bytes_read: read(&self.bytes_read),
            trailers: read(&self.trailers),
        }
    }

    /// How many bytes of packs will have been read in the end; 0 while that is not known.
    pub fn bytes_to_read(&self) -> u64 {
        self.bytes_to_read.load(Ordering::Relaxed)
    }

    /// Forgets everything, for another try.
    pub(super) fn reset(&self) {
        let all = [&self.blobs, &self.bytes, &self.index_blobs, &self.contents, &self.packs, &self.directories];
        let more = [&self.files, &self.contents_read, &self.bytes_read, &self.trailers, &self.bytes_to_read];
        all.into_iter().chain(more).for_each(|counter| counter.store(0, Ordering::Relaxed));
    }
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
