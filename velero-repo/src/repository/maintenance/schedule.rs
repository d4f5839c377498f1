//! `kopia.maintenance`: when maintenance is due, and how its tasks went. The decisions that hang on that.

use crate::error::{Error, Result};
use crate::repository::epoch::GcRun;
use crate::repository::gojson::{self, Time, document};
use crate::repository::manifest::Data;
use crate::repository::name::MAINTENANCE;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Runs that are kept of each task, as with Kopia.
const KEPT: usize = 50;

/// The tasks of maintenance, by Kopia's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Marks contents that no snapshot uses as deleted, and revives those that one uses again.
    SnapshotGc,
    /// Moves the contents of packs that are mostly empty.
    FullRewriteContents,
    /// Makes deletions final.
    FullDropDeletedContent,
    /// Deletes packs that nothing refers to.
    FullDeleteBlobs,
    /// Extends the retention of blobs.
    ExtendBlobRetentionTime,
    /// Merges the index blobs of a repository without epochs.
    IndexCompaction,
    /// Merges the index blobs of one epoch.
    CompactSingleEpoch,
    /// Begins the next epoch.
    AdvanceEpoch,
    /// Merges the index blobs of many epochs.
    GenerateEpochRangeIndex,
    /// Deletes markers of epochs long past.
    CleanupEpochMarkers,
    /// Deletes index blobs that were merged.
    DeleteSupersededEpochIndexes,
    /// Deletes old logs.
    CleanupLogs,
}

impl Task {
    /// The name in the schedule.
    pub fn name(self) -> &'static str {
        match self {
            Task::SnapshotGc => "snapshot-gc",
            Task::FullRewriteContents => "full-rewrite-contents",
            Task::FullDropDeletedContent => "full-drop-deleted-content",
            Task::FullDeleteBlobs => "full-delete-blobs",
            Task::ExtendBlobRetentionTime => "extend-blob-retention-time",
            Task::IndexCompaction => "index-compaction",
            Task::CompactSingleEpoch => "compact-single-epoch",
            Task::AdvanceEpoch => "advance-epoch",
            Task::GenerateEpochRangeIndex => "generate-epoch-range-index",
            Task::CleanupEpochMarkers => "cleanup-epoch-markers",
            Task::DeleteSupersededEpochIndexes => "delete-superseded-epoch-indexes",
            Task::CleanupLogs => "cleanup-logs",
        }
    }
}

/// Tasks of Kopia that move or delete, besides ours.
const REWRITES: [&str; 2] = ["full-rewrite-contents", "quick-rewrite-contents"];
const DELETIONS: [&str; 2] = ["full-delete-blobs", "quick-delete-blobs"];

document! {
    /// One run of one task.
    pub struct TaskRun {
        /// When it began.
        pub start: Time = "start",
        /// When it was done.
        pub end: Time = "end",
        /// Whether it did what it should.
        pub success: bool = "success" omit,
        /// Why it did not.
        pub error: String = "error" omit,
        /// What newer versions of Kopia say about it.
        pub details: Data = "extra" omit,
    }
}

document! {
    /// The decrypted blob.
    pub struct Schedule {
        /// When a full cycle is due.
        pub next_full: Time = "nextFullMaintenance",
        /// When a quick cycle is due.
        pub next_quick: Time = "nextQuickMaintenance",
        /// The latest runs of each task, newest first; tasks of other versions are kept.
        pub runs: BTreeMap<String, Vec<TaskRun>> = "runs",
    }
}

impl Schedule {
    /// Reads the decrypted JSON.
    ///
    /// # Errors
    /// Corrupt: it is not a schedule.
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| Error::corrupt(MAINTENANCE, error.to_string()))
    }

    /// The JSON to encrypt.
    ///
    /// # Errors
    /// Invalid: a value that JSON can not carry.
    pub fn json(&self) -> Result<Vec<u8>> {
        gojson::to_vec(self).map_err(|error| Error::invalid(MAINTENANCE, error.to_string()))
    }

    /// Adds a run of a task.
    pub fn report(&mut self, task: &str, run: TaskRun) {
        let runs = self.runs.entry(task.to_owned()).or_default();
        runs.insert(0, run);
        runs.truncate(KEPT);
    }

    /// The runs of a task, newest first.
    pub fn runs_of(&self, task: &str) -> &[TaskRun] {
        self.runs.get(task).map_or(&[], Vec::as_slice)
    }

    /// The collections that were successful.
    pub fn collections(&self) -> Vec<GcRun> {
        let successful = self.runs_of(Task::SnapshotGc.name()).iter().filter(|run| run.success);
        successful.map(|run| GcRun { start: run.start.timestamp(), end: run.end.timestamp() }).collect()
    }

    /// When the latest run of any of these tasks ended; only successful ones, if asked for.
    fn latest(&self, tasks: &[&str], successful: bool) -> Option<Timestamp> {
        let runs = tasks.iter().flat_map(|task| self.runs_of(task)).filter(|run| run.success || !successful);
        runs.map(|run| run.end.timestamp()).max()
    }

    /// Whether short packs may be rewritten: packs were deleted since the last time, so that what it left is gone.
    pub fn may_rewrite(&self) -> bool {
        let rewritten = self.latest(&REWRITES, false);
        rewritten.is_none_or(|rewritten| self.latest(&DELETIONS, true).is_some_and(|deleted| deleted > rewritten))
    }

    /// When packs may be deleted: so long after the last rewriting, as readers may still look for the old places.
    pub fn may_delete_from(&self, delay: SignedDuration) -> Option<Timestamp> {
        self.latest(&REWRITES, false)?.checked_add(delay).ok()
    }
}
