//! The choices of a new repository.

use super::document::Document;
use super::key::Key;
use super::{BlobSettings, EpochParameters, FORMAT_ENCRYPTION, Format, KeyDerivation, Parameters, Password, Retention};
use crate::repository::seal::{Seal, random};
use crate::repository::splitter::Splitter;
use crate::{Error, Result};
use serde_json::Map;

/// Choices of a new repository; [`CreateOptions::new`] is what Velero creates.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// The password.
    pub password: Password,
    /// How the password becomes a key.
    pub key_derivation: KeyDerivation,
    /// Name of the hash.
    pub hash: String,
    /// Name of the encryption of contents.
    pub encryption: String,
    /// Name of the splitter.
    pub splitter: String,
    /// Name of the error correction; it is used when the percentage is above zero.
    pub ecc: String,
    /// Share of the error correction, percent, at most 100; zero for none.
    pub ecc_overhead_percent: u32,
    /// Version of the format, 1..=3. Version 1 is without epochs and can not change its password.
    pub version: u8,
    /// Size of a pack, bytes.
    pub max_pack_size: u64,
    /// Parameters of the epoch manager; not used by version 1.
    pub epochs: EpochParameters,
    /// Retention of blobs.
    pub retention: Option<Retention>,
}

impl CreateOptions {
    /// Velero's choices: BLAKE2b, AES-256-GCM, chunks of 4 MiB on average, version 3, no error correction.
    pub fn new(password: Password) -> Self {
        Self {
            password,
            key_derivation: KeyDerivation::Scrypt,
            hash: "BLAKE2B-256-128".to_owned(),
            encryption: "AES256-GCM-HMAC-SHA256".to_owned(),
            splitter: "DYNAMIC-4M-BUZHASH".to_owned(),
            ecc: "REED-SOLOMON-CRC32".to_owned(),
            ecc_overhead_percent: 0,
            version: 3,
            max_pack_size: 20 << 20,
            epochs: EpochParameters::default(),
            retention: None,
        }
    }
}

/// A format with fresh secrets. Nothing is stored.
pub(super) fn create(options: &CreateOptions) -> Result<Format> {
    Splitter::by_name(&options.splitter)?;
    let first = options.version == 1;
    let ecc = options.ecc_overhead_percent > 0;
    if first && ecc {
        return Err(Error::invalid("ecc", "format version 1 has no error correction"));
    }
    let parameters = Parameters {
        hash: options.hash.clone(),
        encryption: options.encryption.clone(),
        ecc: if ecc { options.ecc.clone() } else { String::new() },
        ecc_overhead_percent: options.ecc_overhead_percent,
        secret: Key::generate(),
        master_key: Key::generate(),
        version: options.version,
        max_pack_size: options.max_pack_size,
        index_version: if first { 1 } else { 2 },
        epochs: if first { EpochParameters::disabled() } else { options.epochs.clone() },
        enable_password_change: !first,
        splitter: options.splitter.clone(),
        upgrade_lock: None,
        required_features: Vec::new(),
        unknown: Map::new(),
    };
    parameters.validate()?;
    Seal::new(&parameters)?;
    let unique_id = random::<32>().to_vec();
    let format_key = options.key_derivation.derive(&options.password, &unique_id)?;
    let outer = Document {
        tool: "velero".to_owned(),
        build_version: env!("CARGO_PKG_VERSION").to_owned(),
        build_info: String::new(),
        unique_id: unique_id.clone(),
        key_derivation: options.key_derivation.name().to_owned(),
        encryption: FORMAT_ENCRYPTION.to_owned(),
        sealed: Vec::new(),
        unknown: Map::new(),
    };
    Ok(Format {
        unique_id,
        parameters,
        settings: BlobSettings::new(options.retention)?,
        warnings: Vec::new(),
        outer,
        outer_unknown: Map::new(),
        format_key,
        stored: Vec::new(),
    })
}
