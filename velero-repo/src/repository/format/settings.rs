//! `kopia.blobcfg`: for how long the store has to keep every blob.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SETTINGS_BLOB;
use super::document::{is_zero, minutes, nanoseconds};
use crate::{Error, Result};

/// The shortest retention that Kopia takes.
const MIN_PERIOD: Duration = minutes(24 * 60);

/// How a store guards its blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionMode {
    /// S3 object lock that privileged users can lift.
    Governance,
    /// S3 object lock that nobody can lift.
    Compliance,
    /// Azure's immutable blobs.
    Locked,
}

impl RetentionMode {
    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
            Self::Locked => "Locked",
        }
    }
}

/// The retention that every new blob gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Who can lift it.
    pub mode: RetentionMode,
    /// For how long; at least a day.
    pub period: Duration,
}

/// The decoded blob. Fields that it does not name are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlobSettings {
    /// None for stores without object lock, which is usual.
    pub retention: Option<Retention>,
    unknown: Map<String, Value>,
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, rename = "retentionMode", skip_serializing_if = "is_zero")]
    mode: String,
    #[serde(default, rename = "retentionPeriod", with = "nanoseconds", skip_serializing_if = "is_zero")]
    period: Duration,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl BlobSettings {
    /// Settings with this retention.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a period below a day.
    pub fn new(retention: Option<Retention>) -> Result<Self> {
        match retention {
            Some(Retention { period, .. }) if period < MIN_PERIOD => {
                Err(Error::invalid("retention period", "has to be at least 24 hours"))
            }
            _ => Ok(Self { retention, unknown: Map::new() }),
        }
    }

    /// Settings of decrypted JSON.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let stored: Stored =
            serde_json::from_slice(json).map_err(|reason| Error::corrupt(SETTINGS_BLOB, reason.to_string()))?;
        let modes = [RetentionMode::Governance, RetentionMode::Compliance, RetentionMode::Locked];
        let retention = match modes.into_iter().find(|mode| mode.name() == stored.mode) {
            Some(mode) if stored.period >= MIN_PERIOD => Some(Retention { mode, period: stored.period }),
            None if stored.mode.is_empty() && stored.period.is_zero() => None,
            None if !stored.mode.is_empty() => {
                let reason = format!("the retention mode {:?} is not known to this version", stored.mode);
                return Err(Error::invalid(SETTINGS_BLOB, reason));
            }
            _ => {
                let reason = "mode and period of the retention do not go together, or the period is below 24 hours";
                return Err(Error::corrupt(SETTINGS_BLOB, reason));
            }
        };
        Ok(Self { retention, unknown: stored.unknown })
    }

    /// The JSON to encrypt.
    pub(crate) fn json(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            mode: self.retention.map_or("", |one| one.mode.name()).to_owned(),
            period: self.retention.map_or(Duration::ZERO, |one| one.period),
            unknown: self.unknown.clone(),
        };
        serde_json::to_vec(&stored).map_err(|reason| Error::invalid(SETTINGS_BLOB, reason.to_string()))
    }
}
