//! When index blobs may be written, and under which epoch.

use jiff::{SignedDuration, Timestamp};

use super::State;
use crate::{Error, Result};

/// What a writer does before it puts an index blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStep {
    /// Put it.
    Put,
    /// List again, and ask again: the state is too old.
    Refresh,
    /// Delete what was put under the old epoch and begin anew: another epoch has started.
    StartOver,
}

/// The writing of one set of index blobs, all under one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexWrite {
    epoch: u64,
}

impl State {
    /// Whether the state still says what is so.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.age(now).is_some_and(|age| age < frequency(self))
    }

    /// How long ago the listing was begun; None if the clock went backwards since.
    fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        Some(now.duration_since(self.taken)).filter(|age| !age.is_negative())
    }
}

impl IndexWrite {
    /// Begins to write under the current epoch; None if the state must be refreshed first, because less than three
    /// quarters of its time remain.
    pub fn begin(state: &State, now: Timestamp) -> Option<Self> {
        let fresh = state.age(now).is_some_and(|age| age <= frequency(state) / 4);
        fresh.then_some(IndexWrite { epoch: state.epoch() })
    }

    /// The epoch to put into the names.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Asked before each blob.
    pub fn before_put(&self, state: &State, now: Timestamp) -> WriteStep {
        if state.epoch() != self.epoch {
            WriteStep::StartOver
        } else if state.is_valid(now) {
            WriteStep::Put
        } else {
            WriteStep::Refresh
        }
    }

    /// Asked after the last blob, with a state that was listed after it. Only then is the data safe.
    ///
    /// # Errors
    /// If two epochs have started meanwhile: a compaction may have passed over the blobs. Delete them and fail.
    pub fn after_last_put(&self, listed: &State) -> Result<()> {
        if listed.epoch() < self.epoch.saturating_add(2) {
            return Ok(());
        }
        let reason = format!("it took so long that epoch {} has started; it may not be seen", listed.epoch());
        Err(Error::invalid(format!("writing the index of epoch {}", self.epoch), reason))
    }
}

fn frequency(state: &State) -> SignedDuration {
    SignedDuration::try_from(state.parameters.epoch_refresh_frequency).unwrap_or(SignedDuration::MAX)
}
