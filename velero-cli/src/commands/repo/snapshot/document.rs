//! A snapshot as documents and tables show it.

use crate::output::printable;
use serde::Serialize;
use velero_repo::repository::gojson::Time;
use velero_repo::repository::manifest::{Labels, ManifestId};
use velero_repo::repository::object::ObjectId;
use velero_repo::repository::snapshot::{Snapshot, Source};

/// What kopia puts before the tags that people set.
pub const TAG: &str = "tag:";

/// One snapshot.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDocument<'a> {
    pub id: &'a ManifestId,
    pub source: &'a Source,
    pub start_time: Time,
    pub end_time: Time,
    pub root_object: Option<ObjectId>,
    /// Bytes of all files.
    pub total_size: u64,
    pub file_count: u64,
    pub dir_count: u64,
    /// Entries that are missing because they could not be read.
    pub error_count: u64,
    /// Why it is not whole; empty if it is.
    pub incomplete: &'a str,
    pub tags: &'a Labels,
    pub pins: &'a [String],
    pub description: &'a str,
}

impl<'a> SnapshotDocument<'a> {
    /// The snapshot `id`. Numbers are those of the whole tree, which its root carries; the manifest counts only files
    /// that were read.
    pub fn new(id: &'a ManifestId, snapshot: &'a Snapshot) -> Self {
        let (root, stats) = (snapshot.root.as_ref(), &snapshot.stats);
        let tree = root.and_then(|root| root.summary.as_deref());
        let (total_size, file_count, dir_count, error_count) = match (tree, root) {
            (Some(tree), _) => (tree.size, tree.files, tree.dirs, tree.failed),
            (None, Some(root)) if !root.is_directory() => (root.size, 1, 0, stats.error_count),
            _ => (stats.total_size, stats.file_count, stats.dir_count, stats.error_count),
        };
        SnapshotDocument {
            id,
            source: &snapshot.source,
            start_time: snapshot.start_time,
            end_time: snapshot.end_time,
            root_object: root.and_then(|root| root.object),
            total_size,
            file_count,
            dir_count,
            error_count,
            incomplete: &snapshot.incomplete,
            tags: &snapshot.tags,
            pins: &snapshot.pins,
            description: &snapshot.description,
        }
    }

    /// Tags, pins and state in few words, and nothing that a terminal would act on.
    pub fn notes(&self) -> String {
        let tags = self.tags.iter().map(|(key, value)| format!("{}={value}", key.strip_prefix(TAG).unwrap_or(key)));
        let pins = self.pins.iter().map(|pin| format!("pin:{pin}"));
        let incomplete = (!self.incomplete.is_empty()).then(|| format!("incomplete: {}", self.incomplete));
        printable(&incomplete.into_iter().chain(tags).chain(pins).collect::<Vec<_>>().join(", "))
    }
}
