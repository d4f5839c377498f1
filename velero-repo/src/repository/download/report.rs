//! What a restore did, what it left out, and how far it is.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::repository::upload::Troubles;

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadReport {
    /// Directories created or filled up.
    pub directories: u64,
    /// Files restored.
    pub files: u64,
    /// Links restored.
    pub links: u64,
    /// Bytes of restored files; holes count.
    pub bytes: u64,
    /// Entries that existed and were left as they are.
    pub kept: u64,
    /// Entries that were deleted before, by a plan.
    pub deleted: u64,
    /// Entries that are absent because they could not be restored; of a directory, all below it is absent too.
    pub failed: Troubles,
    /// Entries that are there with another owner, mode, time or length than the snapshot says.
    pub warnings: Troubles,
}

impl DownloadReport {
    /// Whether everything is there, as it was.
    pub fn is_complete(&self) -> bool {
        self.failed.count == 0 && self.warnings.count == 0
    }
}

/// Counters of a running restore, which any thread may look at.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) directories: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) links: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) total_files: AtomicU64,
    pub(super) total_bytes: AtomicU64,
}

/// One look at the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Directories created or filled up.
    pub directories: u64,
    /// Files that are done.
    pub files: u64,
    /// Links that are done.
    pub links: u64,
    /// Bytes written; holes count.
    pub bytes: u64,
    /// Entries left as they are.
    pub kept: u64,
    /// Entries that could not be restored.
    pub failed: u64,
    /// Files that the snapshot counts; 0 if it does not say.
    pub total_files: u64,
    /// Bytes that the snapshot counts; 0 if it does not say.
    pub total_bytes: u64,
}

impl Progress {
    /// One look at the counters; each is exact, but they need not be of the same moment.
    pub fn status(&self) -> Status {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            directories: of(&self.directories),
            files: of(&self.files),
            links: of(&self.links),
            bytes: of(&self.bytes),
            kept: of(&self.kept),
            failed: of(&self.failed),
            total_files: of(&self.total_files),
            total_bytes: of(&self.total_bytes),
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
