//! The inner JSON of `kopia.repository`: algorithms, secrets, sizes, epochs.
//!
//! Comes in: decrypted JSON. Goes out: [`Parameters`], whose unknown fields survive a rewrite. Refused: a version
//! outside 1..=3 and values that no repository can work with; the narrower limits that Kopia sets for changes hold for
//! [`Parameters::validate`], not for reading.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FORMAT_BLOB;
use super::document::{base64_key, is_zero, minutes, nanoseconds, signed};
use super::features::RequiredFeature;
use super::key::Key;
use super::lock::UpgradeLock;
use crate::{Error, Result};

/// The pack size of repositories that store none, bytes.
const DEFAULT_MAX_PACK_SIZE: u64 = 20 << 20;
/// The smallest master key that is taken, bytes; Kopia makes 32.
const MIN_MASTER_KEY: usize = 16;
/// Bounds of the pack size for new and changed repositories, bytes.
const PACK_SIZES: std::ops::RangeInclusive<u64> = (10 << 20)..=(120 << 20);

/// What the format blob says about all other blobs. Field meanings and defaults are Kopia's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Name of the keyed hash that identifies contents.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Name of the encryption of contents.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub encryption: String,
    /// Name of the error correction, empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ecc: String,
    /// Share of the error correction, percent; zero for none.
    #[serde(default, rename = "eccOverheadPercent", skip_serializing_if = "is_zero")]
    pub ecc_overhead_percent: u32,
    /// Key of the hash; may be empty.
    #[serde(default = "Key::empty", with = "base64_key", skip_serializing_if = "Key::is_empty")]
    pub secret: Key,
    /// Root of the encryption of contents.
    #[serde(default = "Key::empty", rename = "masterKey", with = "base64_key", skip_serializing_if = "Key::is_empty")]
    pub master_key: Key,
    /// Version of the format, 1..=3.
    #[serde(default)]
    pub version: u8,
    /// Size at which a pack is finished, bytes. Never zero after reading.
    #[serde(default, rename = "maxPackSize")]
    pub max_pack_size: u64,
    /// Version of index blobs, 1 or 2. Never zero after reading.
    #[serde(default, rename = "indexVersion")]
    pub index_version: u8,
    /// The epoch manager's parameters.
    #[serde(default = "EpochParameters::disabled", rename = "epochParameters")]
    pub epochs: EpochParameters,
    /// False when packs carry a copy of the format blob, so that its password can not change.
    #[serde(default, rename = "enablePasswordChange")]
    pub enable_password_change: bool,
    /// Name of the splitter of new objects; empty in very old repositories, which means `FIXED`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub splitter: String,
    /// Set while an upgrade is announced or under way.
    #[serde(default, rename = "upgradeLock", skip_serializing_if = "Option::is_none")]
    pub upgrade_lock: Option<UpgradeLock>,
    /// What a program has to understand before it touches the repository.
    #[serde(
        default,
        rename = "requiredFeatures",
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub required_features: Vec<RequiredFeature>,
    /// Fields of later versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Parameters {
    /// Fills what older repositories leave out, and refuses what can not be worked with.
    pub(crate) fn accept(mut self) -> Result<Self> {
        match self.version {
            1..=3 => {}
            0 => return Err(Error::invalid(FORMAT_BLOB, "it names no format version")),
            newer => {
                let reason = format!("format version {newer} is newer than this program, which knows 1 to 3");
                return Err(Error::invalid(FORMAT_BLOB, reason));
            }
        }
        if self.max_pack_size == 0 {
            self.max_pack_size = DEFAULT_MAX_PACK_SIZE;
        }
        if self.index_version == 0 {
            self.index_version = 1;
        }
        if self.index_version > 2 {
            let reason =
                format!("index version {} is newer than this program, which knows 1 and 2", self.index_version);
            return Err(Error::invalid(FORMAT_BLOB, reason));
        }
        if self.max_pack_size > u64::from(u32::MAX) {
            return Err(Error::corrupt(FORMAT_BLOB, format!("packs of {} bytes", self.max_pack_size)));
        }
        if self.master_key.bytes().len() < MIN_MASTER_KEY {
            return Err(Error::corrupt(FORMAT_BLOB, "its master key is too short"));
        }
        if self.epochs.enabled && self.epochs.full_checkpoint_frequency == 0 {
            return Err(Error::corrupt(FORMAT_BLOB, "its FullCheckpointFrequency is zero"));
        }
        Ok(self)
    }

    /// Checks the limits that Kopia sets for the parameters that can change.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the parameter.
    pub fn validate(&self) -> Result<()> {
        if !(1..=3).contains(&self.version) {
            return Err(Error::invalid("format version", format!("{} is not one of 1, 2, 3", self.version)));
        }
        if !PACK_SIZES.contains(&self.max_pack_size) {
            return Err(Error::invalid("maxPackSize", "has to be between 10 MiB and 120 MiB"));
        }
        if !(1..=2).contains(&self.index_version) {
            return Err(Error::invalid("indexVersion", format!("{} is not one of 1, 2", self.index_version)));
        }
        self.epochs.validate()
    }

    /// Whether error correction surrounds every sealed value.
    pub fn has_ecc(&self) -> bool {
        !self.ecc.is_empty() && self.ecc_overhead_percent > 0
    }
}

/// Parameters of the epoch manager; [`Default`] is Kopia's for new repositories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default = "EpochParameters::disabled")]
pub struct EpochParameters {
    /// False for repositories with the index blobs of format version 1.
    pub enabled: bool,
    /// For how long a listing of index blobs counts as fresh.
    #[serde(with = "nanoseconds")]
    pub epoch_refresh_frequency: Duration,
    /// Epochs per range compaction.
    pub full_checkpoint_frequency: u32,
    /// Age that superseded index blobs need before they are deleted.
    #[serde(with = "nanoseconds")]
    pub cleanup_safety_margin: Duration,
    /// The shortest life of an epoch.
    #[serde(with = "nanoseconds")]
    pub min_epoch_duration: Duration,
    /// Index blobs that let an epoch end.
    pub epoch_advance_on_count_threshold: u32,
    /// Bytes of index blobs that let an epoch end.
    #[serde(with = "signed")]
    pub epoch_advance_on_total_size_bytes_threshold: u64,
    /// Deletions in flight.
    pub delete_parallelism: u32,
    /// Fields of later versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Default for EpochParameters {
    fn default() -> Self {
        Self {
            enabled: true,
            epoch_refresh_frequency: minutes(20),
            full_checkpoint_frequency: 7,
            cleanup_safety_margin: minutes(4 * 60),
            min_epoch_duration: minutes(24 * 60),
            epoch_advance_on_count_threshold: 20,
            epoch_advance_on_total_size_bytes_threshold: 10 << 20,
            delete_parallelism: 4,
            unknown: Map::new(),
        }
    }
}

impl EpochParameters {
    /// What repositories of format version 1 store: no epochs, every value zero.
    pub fn disabled() -> Self {
        Self {
            enabled: false,
            epoch_refresh_frequency: Duration::ZERO,
            full_checkpoint_frequency: 0,
            cleanup_safety_margin: Duration::ZERO,
            min_epoch_duration: Duration::ZERO,
            epoch_advance_on_count_threshold: 0,
            epoch_advance_on_total_size_bytes_threshold: 0,
            delete_parallelism: 0,
            unknown: Map::new(),
        }
    }

    /// Checks Kopia's limits; disabled parameters pass.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the parameter.
    pub fn validate(&self) -> Result<()> {
        let limits = [
            (self.min_epoch_duration >= minutes(10), "MinEpochDuration", "is below 10 minutes"),
            (
                self.epoch_refresh_frequency.saturating_mul(3) <= self.min_epoch_duration,
                "EpochRefreshFrequency",
                "is above a third of MinEpochDuration",
            ),
            (self.full_checkpoint_frequency > 0, "FullCheckpointFrequency", "is zero"),
            (
                self.cleanup_safety_margin >= self.epoch_refresh_frequency.saturating_mul(3),
                "CleanupSafetyMargin",
                "is below three times EpochRefreshFrequency",
            ),
            (self.epoch_advance_on_count_threshold >= 10, "EpochAdvanceOnCountThreshold", "is below 10"),
            (
                self.epoch_advance_on_total_size_bytes_threshold >= 1 << 20,
                "EpochAdvanceOnTotalSizeBytesThreshold",
                "is below 1 MiB",
            ),
        ];
        match limits.iter().find(|(holds, ..)| self.enabled && !holds) {
            Some((_, what, reason)) => Err(Error::invalid(*what, *reason)),
            None => Ok(()),
        }
    }
}

/// Go writes an empty list as `null`.
fn null_is_empty<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<RequiredFeature>, D::Error> {
    Option::deserialize(input).map(Option::unwrap_or_default)
}
