//! Which index blobs are active: epochs, ranges, the deletion watermark; the older scheme without epochs.
//!
//! Comes in: one listing of the blobs that begin with `x`, with its time. Goes out: a [`State`] that tells which index
//! blobs to load, under which epoch to write, and what maintenance should do next; nothing here reads or writes. Where
//! Kopia takes the first complete set it finds, all are taken, and incomplete ones too: entries are merged and the later
//! one counts, so more index blobs are never wrong, while a missing one loses contents. [`v0`] does the same for
//! repositories without epochs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::repository::blob::BlobInfo;
use crate::repository::format::EpochParameters;
use crate::repository::name::Family;

mod chain;
#[cfg(test)]
mod tests;
mod upkeep;
pub mod v0;
mod write;

pub use chain::longest_chain;
pub use upkeep::{Compaction, GcRun, safe_drop_time};
pub use write::{IndexWrite, WriteStep};

/// What one listing says about the index blobs of a repository.
#[derive(Clone, Debug)]
pub struct State {
    taken: Timestamp,
    parameters: EpochParameters,
    epoch: u64,
    markers: BTreeMap<u64, BlobInfo>,
    watermarks: BTreeMap<i64, BlobInfo>,
    uncompacted: BTreeMap<u64, Vec<BlobInfo>>,
    singles: BTreeMap<u64, Replacement>,
    ranges: BTreeMap<(u64, u64), Replacement>,
}

/// Index blobs that replace others, if at least one set of them is complete.
#[derive(Clone, Debug, Default)]
struct Replacement {
    blobs: Vec<BlobInfo>,
    /// The members of complete sets.
    complete: Vec<BlobInfo>,
}

impl Replacement {
    fn is_complete(&self) -> bool {
        !self.complete.is_empty()
    }

    fn find_complete(&mut self) {
        let mut found: HashMap<Option<(&str, usize)>, usize> = HashMap::new();
        for blob in &self.blobs {
            *found.entry(blob.id.set()).or_default() += 1;
        }
        let complete = |blob: &&BlobInfo| blob.id.set().is_none_or(|set| found.get(&Some(set)) == Some(&set.1));
        self.complete = self.blobs.iter().filter(complete).cloned().collect();
    }
}

impl State {
    /// Reads a listing that was begun at `taken`. It may be of all blobs; those of other families are passed over.
    pub fn of(listing: &[BlobInfo], taken: Timestamp, parameters: &EpochParameters) -> Self {
        let mut state = State {
            taken,
            parameters: parameters.clone(),
            epoch: 0,
            markers: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            uncompacted: BTreeMap::new(),
            singles: BTreeMap::new(),
            ranges: BTreeMap::new(),
        };
        listing.iter().for_each(|blob| state.sort_in(blob));
        state.singles.values_mut().chain(state.ranges.values_mut()).for_each(Replacement::find_complete);
        state.epoch = state.markers.keys().next_back().copied().unwrap_or(0);
        state
    }

    fn sort_in(&mut self, blob: &BlobInfo) {
        let blob = blob.clone();
        match blob.id.family() {
            Family::Uncompacted(epoch) => self.uncompacted.entry(epoch).or_default().push(blob),
            Family::Single(epoch) => self.singles.entry(epoch).or_default().blobs.push(blob),
            Family::Range(first, last) => self.ranges.entry((first, last)).or_default().blobs.push(blob),
            Family::EpochMarker(epoch) => drop(self.markers.insert(epoch, blob)),
            Family::Watermark(seconds) => drop(self.watermarks.insert(seconds, blob)),
            _ => {}
        }
    }

    /// The epoch that index blobs are written under.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The deletion watermark, in Unix seconds.
    pub fn watermark(&self) -> Option<i64> {
        self.watermarks.keys().next_back().copied()
    }

    /// When the listing was begun.
    pub fn taken(&self) -> Timestamp {
        self.taken
    }

    /// Whether nobody may write under an epoch any more, so that it can be compacted.
    pub fn is_settled(&self, epoch: u64) -> bool {
        epoch.saturating_add(2) <= self.epoch
    }

    /// The ranges to read: complete ones, from epoch 0 on without a gap, as far as possible.
    fn chain(&self) -> Vec<(u64, u64)> {
        let complete = self.ranges.iter().filter(|(_, range)| range.is_complete());
        longest_chain(complete.map(|(bounds, _)| *bounds))
    }

    /// The first epoch that no range replaces.
    fn after_chain(&self) -> u64 {
        self.chain().last().map_or(0, |(_, last)| last + 1) // epochs are below 2^32
    }

    /// The index blobs that together hold every entry, each once. Load all of them; if one is gone, list again.
    pub fn active(&self) -> Vec<BlobInfo> {
        let mut active = Vec::new();
        // No range may hide what can still be written.
        let first = self.after_chain().min(self.epoch.saturating_sub(1));
        for bounds in self.chain() {
            active.extend(self.ranges.get(&bounds).iter().flat_map(|range| &range.blobs).cloned());
            if bounds.0 == bounds.1 && bounds.0 < first {
                // Kopia writes no range of one epoch, and would not read it.
                active.extend(self.active_in(bounds.0).cloned());
            }
        }
        active.extend(self.active_between(first, u64::MAX).cloned());
        active
    }

    /// The active index blobs of some epochs, both ends included, apart from ranges.
    fn active_between(&self, first: u64, last: u64) -> impl Iterator<Item = &BlobInfo> {
        let all = self.uncompacted.keys().chain(self.singles.keys()).copied();
        let epochs: BTreeSet<u64> = all.filter(|epoch| (first..=last).contains(epoch)).collect();
        epochs.into_iter().flat_map(|epoch| self.active_in(epoch))
    }

    /// The active index blobs of one epoch, apart from ranges.
    fn active_in(&self, epoch: u64) -> impl Iterator<Item = &BlobInfo> {
        let single = self.singles.get(&epoch);
        let replaced = self.is_settled(epoch) && single.is_some_and(Replacement::is_complete);
        let uncompacted = self.uncompacted.get(&epoch).filter(|_| !replaced);
        single.into_iter().flat_map(|single| &single.blobs).chain(uncompacted.into_iter().flatten())
    }
}
