//! Repositories without epochs: every index blob is active until the log of a compaction replaces it. They are read, not
//! written.

use std::collections::HashSet;

use serde::Deserialize;

use crate::repository::blob::BlobInfo;
use crate::repository::name::{BlobId, Family};
use crate::{Error, Result};

/// What one compaction merged into what.
#[derive(Clone, Debug, Deserialize)]
pub struct CompactionLog {
    #[serde(default, rename = "inputMetadata")]
    inputs: Option<Vec<Blob>>,
    #[serde(default, rename = "outputMetadata")]
    outputs: Option<Vec<Blob>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Blob {
    id: String,
}

impl CompactionLog {
    /// Reads the decrypted log `id`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(id: &BlobId, payload: &[u8]) -> Result<Self> {
        serde_json::from_slice(payload).map_err(|error| Error::corrupt(id.as_str(), error.to_string()))
    }
}

/// The logs of a listing that have to be read before [`active`] can tell.
pub fn compaction_logs(listing: &[BlobInfo]) -> impl Iterator<Item = &BlobInfo> {
    listing.iter().filter(|blob| blob.id.family() == Family::CompactionLog)
}

/// The index blobs that together hold every entry: all but the inputs of compactions whose outputs are all there.
pub fn active<'a>(listing: &'a [BlobInfo], logs: &[CompactionLog]) -> Vec<&'a BlobInfo> {
    let indexes = || listing.iter().filter(|blob| blob.id.family() == Family::Index);
    let present: HashSet<&str> = indexes().map(|blob| blob.id.as_str()).collect();
    let is_done = |log: &&CompactionLog| {
        let outputs = log.outputs.as_deref().unwrap_or_default();
        !outputs.is_empty() && outputs.iter().all(|blob| present.contains(blob.id.as_str()))
    };
    let inputs = logs.iter().filter(is_done).flat_map(|log| log.inputs.iter().flatten());
    let replaced: HashSet<&str> = inputs.map(|blob| blob.id.as_str()).collect();
    indexes().filter(|blob| !replaced.contains(blob.id.as_str())).collect()
}
