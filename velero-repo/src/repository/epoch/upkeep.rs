//! What maintenance does about index blobs: decisions only.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Replacement, State};
use crate::repository::blob::BlobInfo;
use crate::repository::name::{BlobId, range_prefix, single_prefix};

/// Time between two collections of unused contents before the first one's deletions are final.
const BETWEEN_COLLECTIONS: SignedDuration = SignedDuration::from_hours(4);
/// Deletions within this time before a collection are not final with it.
const DROP_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// Index blobs to be merged into one set. All entries are kept, deleted or not: a tombstone that is dropped while an
/// older entry survives elsewhere brings a content back whose pack may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// First epoch that is replaced.
    pub first: u64,
    /// Last epoch that is replaced.
    pub last: u64,
    /// The blobs to merge.
    pub inputs: Vec<BlobInfo>,
    /// What the names of the result begin with.
    pub prefix: String,
}

impl State {
    /// The marker of the next epoch, if the current one is old enough and has enough index blobs.
    pub fn advance(&self) -> Option<BlobId> {
        let blobs = self.uncompacted.get(&self.epoch)?;
        let times = || blobs.iter().map(|blob| blob.modified);
        let age = times().max()?.duration_since(times().min()?);
        let size = blobs.iter().fold(0u64, |sum, blob| sum.saturating_add(blob.length));
        let limits = &self.parameters;
        let many = u64::try_from(blobs.len()).is_ok_and(|n| n >= u64::from(limits.epoch_advance_on_count_threshold));
        let large = size >= limits.epoch_advance_on_total_size_bytes_threshold;
        let old = age >= signed(limits.min_epoch_duration);
        (old && (many || large)).then(|| BlobId::epoch_marker(self.epoch + 1)) // epochs are below 2^32
    }

    /// The oldest settled epoch with index blobs that nothing replaces yet. Maintenance compacts one at a time.
    pub fn single_compaction(&self) -> Option<Compaction> {
        let replaced = |epoch: &u64| self.singles.get(epoch).is_some_and(Replacement::is_complete);
        let (epoch, _) = self.uncompacted.range(self.after_chain()..).find(|(epoch, _)| !replaced(epoch))?;
        self.is_settled(*epoch).then(|| Compaction {
            first: *epoch,
            last: *epoch,
            inputs: self.active_in(*epoch).cloned().collect(),
            prefix: single_prefix(*epoch),
        })
    }

    /// All settled epochs after the last range, if they are enough for another one.
    pub fn range_compaction(&self) -> Option<Compaction> {
        let first = self.after_chain();
        let last = self.epoch.checked_sub(2)?;
        // Kopia does not read ranges of one epoch.
        let enough = u64::from(self.parameters.full_checkpoint_frequency).max(1);
        let inputs: Vec<_> = self.active_between(first, last).cloned().collect();
        let due = last.checked_sub(first).is_some_and(|span| span >= enough) && !inputs.is_empty();
        due.then(|| Compaction { first, last, inputs, prefix: range_prefix(first, last) })
    }

    /// Blobs that no reader needs any more: markers of epochs long past, watermarks that a later one replaces, and index
    /// blobs whose replacement has been visible for the safety margin, by the store's own clock.
    pub fn cleanup(&self) -> Vec<BlobId> {
        let old = |epoch: u64| epoch.saturating_add(1) < self.epoch;
        let markers = self.markers.iter().filter(|(epoch, _)| old(**epoch));
        let mut gone: Vec<_> = markers.map(|(_, blob)| &blob.id).collect();
        if let Some(limit) = self.cleanup_limit() {
            let current = self.watermark();
            let superseded = self.watermarks.iter().filter(|(seconds, _)| Some(**seconds) != current);
            gone.extend(superseded.filter(|(_, blob)| blob.modified < limit).map(|(_, blob)| &blob.id));
            let settled = self.uncompacted.iter().filter(|(epoch, _)| self.is_settled(**epoch));
            gone.extend(settled.flat_map(|(epoch, blobs)| self.replaced(*epoch, blobs, limit)));
        }
        gone.into_iter().cloned().collect()
    }

    /// The newest time of the current index blobs less the safety margin; None if there are none to tell the time.
    fn cleanup_limit(&self) -> Option<Timestamp> {
        let current = self.uncompacted.range(self.epoch.saturating_sub(1)..=self.epoch + 1); // below 2^32
        let newest = current.flat_map(|(_, blobs)| blobs).map(|blob| blob.modified).max()?;
        newest.checked_sub(signed(self.parameters.cleanup_safety_margin)).ok()
    }

    /// Those of an epoch's blobs that were there before a replacement of it, itself older than `limit`.
    fn replaced<'a>(&self, epoch: u64, blobs: &'a [BlobInfo], limit: Timestamp) -> impl Iterator<Item = &'a BlobId> {
        let complete = self.singles.get(&epoch).map_or(&[][..], |single| &single.complete);
        let times = || complete.iter().map(|blob| blob.modified);
        let since = times().min().filter(|_| times().all(|time| time < limit));
        blobs.iter().filter(move |blob| since.is_some_and(|since| blob.modified <= since)).map(|blob| &blob.id)
    }

    /// The watermark blob that makes deletions up to `time` final; None if they are already. It never moves back.
    pub fn raise_watermark(&self, time: Timestamp) -> Option<BlobId> {
        let seconds = time.as_second();
        self.watermark().is_none_or(|current| seconds > current).then(|| BlobId::watermark(seconds))
    }
}

/// One successful collection of contents that no snapshot uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcRun {
    /// When it began.
    pub start: Timestamp,
    /// When it was done.
    pub end: Timestamp,
}

/// Up to when deletions are final: an hour before the latest collection that was done more than four hours before the
/// newest one began. A content that came into use again meanwhile has been revived by the newest. A run that ended before
/// it began does not count: its clock was wrong.
pub fn safe_drop_time(successful: &[GcRun]) -> Option<Timestamp> {
    let sound = || successful.iter().filter(|run| run.start <= run.end);
    let newest = sound().map(|run| run.start).max()?;
    let settled = sound().filter(|run| newest.duration_since(run.end) > BETWEEN_COLLECTIONS);
    settled.map(|run| run.start).max()?.checked_sub(DROP_MARGIN).ok()
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
