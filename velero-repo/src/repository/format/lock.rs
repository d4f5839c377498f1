//! The upgrade lock: a time from which everybody but its owner stays away.
//!
//! An owner announces an upgrade and waits until the others have drained. This engine never owns one: it refuses to
//! work as soon as the lock counts, at opening and at every refresh of the format.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FORMAT_BLOB;
use super::document::{is_zero, nanoseconds};
use crate::{Error, Result};

/// Intent to upgrade a repository, as its owner stored it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpgradeLock {
    /// Who upgrades.
    #[serde(default, rename = "ownerID", skip_serializing_if = "String::is_empty")]
    pub owner_id: String,
    /// When the lock was set.
    #[serde(rename = "creationTime")]
    pub creation_time: Timestamp,
    /// Time between setting the lock and the upgrade; zero locks at once.
    #[serde(default, rename = "advanceNoticeDuration", with = "nanoseconds", skip_serializing_if = "is_zero")]
    pub advance_notice: Duration,
    /// Time that operations under way get to finish.
    #[serde(default, rename = "ioDrainTimeout", with = "nanoseconds", skip_serializing_if = "is_zero")]
    pub io_drain_timeout: Duration,
    /// How often waiting programs look again.
    #[serde(default, rename = "statusPollInterval", with = "nanoseconds", skip_serializing_if = "is_zero")]
    pub status_poll_interval: Duration,
    /// For those who find the lock.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How far clocks may differ.
    #[serde(default, rename = "maxPermittedClockDrift", with = "nanoseconds", skip_serializing_if = "is_zero")]
    pub max_permitted_clock_drift: Duration,
    /// Fields of later versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl UpgradeLock {
    /// Whether everybody but the owner has to stay away at `now`.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        let drain = self.io_drain_timeout.saturating_mul(2).saturating_add(self.max_permitted_clock_drift);
        match self.advance_notice.checked_sub(drain) {
            None => true,
            Some(free) => now.as_nanosecond() - self.creation_time.as_nanosecond() >= as_nanosecond(free),
        }
    }

    /// Refuses while the lock counts.
    ///
    /// # Errors
    /// [`Error::Locked`] with the owner and the message of the lock.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if !self.is_locked(now) {
            return Ok(());
        }
        let reason = format!(
            "the repository is locked for an upgrade by {:?} since {}: {}",
            self.owner_id, self.creation_time, self.message
        );
        Err(Error::locked(FORMAT_BLOB, reason))
    }
}

/// Nanoseconds of a duration that came from 64 bits.
fn as_nanosecond(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}
