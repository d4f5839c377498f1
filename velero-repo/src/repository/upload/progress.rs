//! How far an upload is: counters that any thread may look at, as often as it likes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of a running upload.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    hashed: AtomicU64,
    cached: AtomicU64,
    errors: AtomicU64,
    estimated_files: AtomicU64,
    estimated_bytes: AtomicU64,
    estimated: AtomicBool,
}

/// One look at the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Files and links that are done.
    pub files: u64,
    /// Bytes read and hashed.
    pub hashed: u64,
    /// Bytes taken from an earlier snapshot.
    pub cached: u64,
    /// Entries that could not be read.
    pub errors: u64,
    /// Files that the scan ahead has found, when one was asked for.
    pub estimated_files: u64,
    /// Bytes that the scan ahead has found.
    pub estimated_bytes: u64,
    /// Whether the scan ahead is done, so that its numbers are totals.
    pub estimated: bool,
}

impl Progress {
    /// One look at the counters; each is exact, but they need not be of the same moment.
    pub fn status(&self) -> Status {
        Status {
            files: self.files.load(Ordering::Relaxed),
            hashed: self.hashed.load(Ordering::Relaxed),
            cached: self.cached.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            estimated_files: self.estimated_files.load(Ordering::Relaxed),
            estimated_bytes: self.estimated_bytes.load(Ordering::Relaxed),
            estimated: self.estimated.load(Ordering::Acquire),
        }
    }

    pub(super) fn finish_files(&self, files: u64, cached: u64, errors: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.cached.fetch_add(cached, Ordering::Relaxed);
        self.errors.fetch_add(errors, Ordering::Relaxed);
    }

    pub(super) fn hash(&self, bytes: u64) {
        self.hashed.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn estimate(&self, files: u64, bytes: u64) {
        self.estimated_files.fetch_add(files, Ordering::Relaxed);
        self.estimated_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn finish_estimate(&self) {
        self.estimated.store(true, Ordering::Release);
    }
}
