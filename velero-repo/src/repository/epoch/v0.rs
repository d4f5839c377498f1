//! Repositories without epochs: every index blob is active until the log of a compaction replaces it.
//!
//! ```text
//! n…   index blob
//! m…   log of a compaction: these index blobs were merged into those
//! l…   log of a clean-up: these logs of compactions are deleted, an hour from then
//! ```
//!
//! What was merged is deleted an hour after its log was written, and only after everything that was merged into it: were
//! an index blob gone whose inputs are still there, these would be active again, with what the compaction had dropped.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::repository::blob::BlobInfo;
use crate::repository::gojson::Time;
use crate::repository::name::{BlobId, Family};
use crate::{Error, Result};

/// With fewer index blobs none are merged.
const FEW: usize = 8;
/// An index blob below this part of a pack is very small.
const VERY_SMALL: u64 = 20;

/// What one compaction merged into what.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CompactionLog {
    #[serde(default, rename = "inputMetadata")]
    inputs: Option<Vec<Blob>>,
    #[serde(default, rename = "outputMetadata")]
    outputs: Option<Vec<Blob>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Blob {
    id: String,
    #[serde(default)]
    length: i64,
    #[serde(default)]
    timestamp: Time,
}

impl Blob {
    fn of(blob: &BlobInfo) -> Result<Self> {
        let length = i64::try_from(blob.length).map_err(|_| Error::invalid(blob.id.as_str(), "it is too large"))?;
        Ok(Blob { id: blob.id.to_string(), length, timestamp: Time::try_from(blob.modified)? })
    }
}

impl CompactionLog {
    /// Says that `inputs` were merged into `outputs`.
    ///
    /// # Errors
    /// Invalid: a time that the format can not hold.
    pub fn new(inputs: &[BlobInfo], outputs: &[BlobInfo]) -> Result<Self> {
        let blobs = |blobs: &[BlobInfo]| blobs.iter().map(Blob::of).collect::<Result<_>>().map(Some);
        Ok(CompactionLog { inputs: blobs(inputs)?, outputs: blobs(outputs)? })
    }

    /// Reads the decrypted log `id`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(id: &BlobId, payload: &[u8]) -> Result<Self> {
        parse(id, payload)
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn json(&self) -> Result<Vec<u8>> {
        json(self)
    }

    fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().flatten().map(|blob| blob.id.as_str())
    }

    fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().flatten().map(|blob| blob.id.as_str())
    }

    /// Whether all that it merged into is in a set.
    fn is_done(&self, present: &HashSet<&str>) -> bool {
        self.outputs().next().is_some() && self.outputs().all(|blob| present.contains(blob))
    }
}

/// Logs of compactions that are to be deleted, and since when.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CleanupLog {
    #[serde(default, rename = "blobIDs")]
    blobs: Option<Vec<String>>,
    #[serde(rename = "cleanupScheduleTime")]
    scheduled: Time,
}

impl CleanupLog {
    /// Says that these logs of compactions are to be deleted.
    ///
    /// # Errors
    /// Invalid: a time that the format can not hold.
    pub fn new(logs: &[BlobId], scheduled: Timestamp) -> Result<Self> {
        let blobs = Some(logs.iter().map(ToString::to_string).collect());
        Ok(CleanupLog { blobs, scheduled: Time::try_from(scheduled)? })
    }

    /// Reads the decrypted log `id`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(id: &BlobId, payload: &[u8]) -> Result<Self> {
        parse(id, payload)
    }

    /// Writes it.
    ///
    /// # Errors
    /// None in practice.
    pub fn json(&self) -> Result<Vec<u8>> {
        json(self)
    }

    /// Whether it names a log.
    pub fn names(&self, log: &BlobId) -> bool {
        self.blobs.iter().flatten().any(|blob| blob == log.as_str())
    }

    /// Since when the logs that it names are not needed.
    pub fn scheduled(&self) -> Timestamp {
        self.scheduled.timestamp()
    }
}

fn parse<'a, T: Deserialize<'a>>(id: &BlobId, payload: &'a [u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|error| Error::corrupt(id.as_str(), error.to_string()))
}

fn json(document: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| Error::invalid("log of a compaction", error.to_string()))
}

/// What the listing of index blobs and the logs of compactions say.
#[derive(Clone, Debug)]
pub struct State {
    indexes: Vec<BlobInfo>,
    logs: Vec<(BlobInfo, CompactionLog)>,
}

/// The logs of a listing that have to be read before [`State::of`].
pub fn compaction_logs(listing: &[BlobInfo]) -> impl Iterator<Item = &BlobInfo> {
    listing.iter().filter(|blob| blob.id.family() == Family::CompactionLog)
}

impl State {
    /// Reads a listing; blobs of other families are passed over.
    pub fn of(listing: &[BlobInfo], logs: Vec<(BlobInfo, CompactionLog)>) -> Self {
        let indexes = listing.iter().filter(|blob| blob.id.family() == Family::Index).cloned().collect();
        State { indexes, logs }
    }

    fn present(&self) -> HashSet<&str> {
        self.indexes.iter().map(|blob| blob.id.as_str()).collect()
    }

    /// The index blobs that together hold every entry: all but the inputs of compactions whose outputs are all there.
    pub fn active(&self) -> Vec<BlobInfo> {
        let present = self.present();
        let done = self.logs.iter().filter(|(_, log)| log.is_done(&present));
        let replaced: HashSet<&str> = done.flat_map(|(_, log)| log.inputs()).collect();
        self.indexes.iter().filter(|blob| !replaced.contains(blob.id.as_str())).cloned().collect()
    }

    /// The index blobs to be merged, as Kopia chooses them: eight or more that are no larger than a pack; only the very
    /// small ones, if these are most of them and few others are there.
    pub fn compaction(&self, pack_size: u64) -> Vec<BlobInfo> {
        let mut small = self.active();
        small.retain(|blob| blob.length <= pack_size);
        let tiny = |blob: &BlobInfo| blob.length < pack_size / VERY_SMALL;
        let tinies = small.iter().filter(|blob| tiny(blob)).count();
        match () {
            () if small.len() < FEW => small.clear(),
            () if tinies > small.len() / 2 && small.len() - tinies + 1 < FEW => small.retain(tiny),
            () => {}
        }
        small
    }

    /// The index blobs that compactions up to `until` have replaced, in steps that follow each other: one is deleted
    /// only when all that was merged into it is gone.
    pub fn superseded(&self, until: Timestamp) -> Vec<Vec<BlobInfo>> {
        let mut listed = self.present();
        let done = self.done();
        let old = done.iter().filter(|(blob, _)| blob.modified <= until);
        let mut going: HashSet<&str> = old.flat_map(|(_, log)| log.inputs()).filter(|id| listed.contains(id)).collect();
        let mut steps = Vec::new();
        loop {
            let is_made_of_listed = |id: &str| {
                let made = done.iter().filter(|(_, log)| log.outputs().any(|output| output == id));
                made.into_iter().any(|(_, log)| log.inputs().any(|input| listed.contains(input)))
            };
            let step: HashSet<&str> = going.iter().copied().filter(|id| !is_made_of_listed(id)).collect();
            if step.is_empty() {
                return steps;
            }
            steps.push(self.indexes.iter().filter(|blob| step.contains(blob.id.as_str())).cloned().collect());
            going.retain(|id| !step.contains(id));
            listed.retain(|id| !step.contains(id));
        }
    }

    /// The logs of compactions all of whose outputs are there, or were merged in turn.
    fn done(&self) -> Vec<&(BlobInfo, CompactionLog)> {
        let mut known = self.present();
        let (mut done, mut open) = (Vec::new(), self.logs.iter().collect::<Vec<_>>());
        loop {
            let (more, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, log)| log.is_done(&known));
            if more.is_empty() {
                return done;
            }
            known.extend(more.iter().flat_map(|(_, log)| log.inputs()));
            done.extend(more);
            open = rest;
        }
    }

    /// Whether a log of a compaction may go: nothing that it merged is listed any more.
    fn is_over(&self, log: &CompactionLog) -> bool {
        let present = self.present();
        !log.inputs().any(|input| present.contains(input))
    }

    /// The logs of compactions up to `until` that nothing needs any more.
    pub fn over(&self, until: Timestamp) -> impl Iterator<Item = &BlobInfo> {
        let old = self.logs.iter().filter(move |(blob, _)| blob.modified <= until);
        old.filter(|(_, log)| self.is_over(log)).map(|(blob, _)| blob)
    }
}
