//! Snapshots: what their manifests say, which one the next builds on, which are kept.
//!
//! Comes in: the documents of manifests of type `snapshot`. Goes out: documents that were read back strictly before
//! anybody stores them, because Kopia takes the data of a snapshot that it can not read for garbage and removes it;
//! the snapshots to build on; the verdict of a retention policy on each. Refused: an empty host, user or path, tags
//! that hide a label, no root, numbers beyond those that Kopia reads.

mod retention;
mod source;

use crate::error::{Error, Result};
use crate::repository::directory::{Entry, Kind};
use crate::repository::gojson::{Time, document};
use crate::repository::manifest::{Labels, ManifestId, Record, TYPE, labels};
use serde_json::Value;

pub use retention::{Period, Reason, retain};
pub use source::Source;

/// The value of the label `type` of snapshots.
pub const SNAPSHOT: &str = "snapshot";

const HOST: &str = "hostname";
const USER: &str = "username";
const PATH: &str = "path";

/// User and host of everything that Velero writes.
pub const VELERO_NAME: &str = "default";
/// Value of [`VELERO_UPLOADER_TAG`].
pub const VELERO_UPLOADER: &str = "kopia";
/// Requestor of the data mover's snapshots.
pub const VELERO_DATA_MOVER: &str = "snapshot-data-upload-download";
/// Requestor of backups of pods' volumes.
pub const VELERO_POD_VOLUME: &str = "snapshot-pod-volume";
/// The same in releases before the middle of 2025.
pub const VELERO_POD_VOLUME_OLD: &str = "pod-volume-backup-restore";
/// Tag that names the requestor; the next backup looks for its parent by it.
pub const VELERO_REQUESTOR_TAG: &str = "snapshot-requester";
/// Tag that names the uploader.
pub const VELERO_UPLOADER_TAG: &str = "snapshot-uploader";
/// Description of Velero's snapshots.
pub const VELERO_DESCRIPTION: &str = "Kopia Uploader";
/// The pin that keeps Velero's snapshots from any retention.
pub const VELERO_PIN: &str = "velero-pin";

/// The tags that Velero sets, without those a caller adds.
pub fn velero_tags(requestor: &str) -> Labels {
    labels([(VELERO_REQUESTOR_TAG, requestor), (VELERO_UPLOADER_TAG, VELERO_UPLOADER)])
}

/// The shortest form of a path, as Go's `path.Clean` makes it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

document! {
    /// Counters of a snapshot.
    pub struct Stats {
        /// Bytes of all files.
        pub total_size: u64 = "totalSize",
        /// Bytes of files that rules left out.
        pub excluded_total_size: u64 = "excludedTotalSize",
        /// Files.
        pub file_count: u64 = "fileCount",
        /// Files that were taken over from an earlier snapshot.
        pub cached_files: u64 = "cachedFiles",
        /// Files that were read.
        pub non_cached_files: u64 = "nonCachedFiles",
        /// Directories.
        pub dir_count: u64 = "dirCount",
        /// Files that rules left out.
        pub excluded_file_count: u64 = "excludedFileCount",
        /// Directories that rules left out.
        pub excluded_dir_count: u64 = "excludedDirCount",
        /// Errors that the policy lets pass.
        pub ignored_error_count: u64 = "ignoredErrorCount",
        /// Errors.
        pub error_count: u64 = "errorCount",
    }
}

impl Stats {
    /// Kopia reads sizes as 64 and counts as 32 signed bits.
    fn fault(&self) -> Option<&'static str> {
        let sizes = [self.total_size, self.excluded_total_size];
        let counts =
            [self.file_count, self.cached_files, self.non_cached_files, self.dir_count, self.excluded_file_count];
        let more = [self.excluded_dir_count, self.ignored_error_count, self.error_count];
        let fits = sizes.iter().all(|size| *size <= i64::MAX as u64)
            && counts.iter().chain(&more).all(|count| *count <= i32::MAX as u64);
        (!fits).then_some("a number of its statistics is too large")
    }
}

document! {
    /// The document of a snapshot's manifest.
    pub struct Snapshot {
        /// Empty in storage; the identity is that of the manifest.
        pub id: String = "id",
        /// Where it was taken.
        pub source: Source = "source",
        /// Words of whoever took it.
        pub description: String = "description",
        /// When reading began.
        pub start_time: Time = "startTime",
        /// When reading ended.
        pub end_time: Time = "endTime",
        /// Counters.
        pub stats: Stats = "stats",
        /// Why it is not whole: [`CHECKPOINT`], [`CANCELED`] or [`LIMIT_REACHED`]; empty if it is.
        pub incomplete: String = "incomplete" omit,
        /// The root.
        pub root: Option<Entry> = "rootEntry",
        /// Tags; they are labels of the manifest too.
        pub tags: Labels = "tags" omit,
        /// Use of storage, which some tools add.
        pub storage_stats: Option<Value> = "storageStats" omit,
        /// Names that keep it from any retention.
        pub pins: Vec<String> = "pins" omit,
    }
}

/// Incomplete: stored so that what was read so far is kept.
pub const CHECKPOINT: &str = "checkpoint";
/// Incomplete: somebody stopped it.
pub const CANCELED: &str = "canceled";
/// Incomplete: a limit of bytes was reached.
pub const LIMIT_REACHED: &str = "limit reached";

impl Snapshot {
    /// Whether everything was read.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Its labels: those of the source, and all tags.
    pub fn labels(&self) -> Labels {
        let mut all = self.tags.clone();
        all.extend(self.source.labels());
        all
    }

    /// The manifest that stores it, read back and compared before it is handed out.
    ///
    /// # Errors
    /// Invalid: a document that Kopia would refuse, or that does not read back as it is.
    pub fn to_record(&self, id: ManifestId, modified: Time) -> Result<Record> {
        let refuse = |reason: &str| Error::invalid(format!("snapshot of {}", self.source), reason);
        if let Some(reason) = self.fault() {
            return Err(refuse(reason));
        }
        let record = Record::new(id, self.labels(), modified, self)?;
        let back: Snapshot = serde_json::from_str(record.data.get()).map_err(|e| refuse(&e.to_string()))?;
        match back == *self {
            true => Ok(record),
            false => Err(refuse("it does not read back as it was written")),
        }
    }

    /// Reads the snapshot that `record` stores.
    ///
    /// # Errors
    /// Corrupt: no snapshot, or one with a fault that [`Snapshot::to_record`] refuses, except that it may have no root.
    pub fn from_record(record: &Record) -> Result<Self> {
        let corrupt = |reason: &str| Error::corrupt(format!("manifest {}", record.id), reason);
        if record.label(TYPE) != Some(SNAPSHOT) {
            return Err(corrupt("it is no snapshot"));
        }
        let snapshot: Snapshot = record.document()?;
        match snapshot.fault() {
            Some(reason) if snapshot.root.is_some() => Err(corrupt(reason)),
            _ => Ok(snapshot),
        }
    }

    /// What Kopia would not take, if anything.
    fn fault(&self) -> Option<&'static str> {
        let source = &self.source;
        let Some(root) = &self.root else { return Some("it has no root") };
        match () {
            () if source.host.is_empty() || source.user.is_empty() || source.path.is_empty() => {
                Some("its source has no host, user or path")
            }
            () if [TYPE, HOST, USER, PATH].iter().any(|label| self.tags.contains_key(*label)) => {
                Some("a tag hides a label")
            }
            () if self.tags.keys().any(String::is_empty) => Some("a tag has no name"),
            () if matches!(root.kind, Kind::Other(_)) => Some("its root is of an unknown type"),
            () => root.fault().or_else(|| self.stats.fault()),
        }
    }
}

/// The snapshots of `source` that a new one builds on: the latest complete one, then all later incomplete ones.
pub fn previous<'a>(snapshots: &'a [Snapshot], source: &Source) -> Vec<&'a Snapshot> {
    let same = || snapshots.iter().filter(|snapshot| snapshot.source == *source);
    let complete = same().filter(|snapshot| snapshot.is_complete()).max_by_key(|snapshot| snapshot.start_time);
    let later = |snapshot: &&Snapshot| complete.is_none_or(|complete| snapshot.start_time > complete.start_time);
    complete.into_iter().chain(same().filter(|snapshot| !snapshot.is_complete()).filter(later)).collect()
}

/// The snapshot that Velero builds the next one on: the latest complete one of `source` by the same requestor and
/// uploader.
pub fn velero_parent<'a>(snapshots: &'a [Snapshot], source: &Source, tags: &Labels) -> Option<&'a Snapshot> {
    let equal =
        |snapshot: &&Snapshot, tag: &str| snapshot.tags.contains_key(tag) && snapshot.tags.get(tag) == tags.get(tag);
    let candidates = snapshots.iter().filter(|snapshot| snapshot.source == *source && snapshot.is_complete());
    candidates
        .filter(|snapshot| equal(snapshot, VELERO_REQUESTOR_TAG) && equal(snapshot, VELERO_UPLOADER_TAG))
        .max_by_key(|snapshot| snapshot.start_time)
}

#[cfg(test)]
mod tests;
