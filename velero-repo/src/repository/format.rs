//! The format blob `kopia.repository`: keys from a password, parameters, versions, locks.
//!
//! Comes in: the stored bytes of `kopia.repository` and `kopia.blobcfg`, a password, the time. Goes out: a [`Format`],
//! from which everything else is read and written, and the bytes of both blobs for creation and for changes. Fields
//! that this version does not know are kept when a blob is rewritten, so that a newer program loses nothing.
//!
//! Refused, each with its own message: a wrong password ([`Error::Denied`]), a lock for an upgrade ([`Error::Locked`]),
//! a newer format version, an unknown algorithm, a missing feature ([`Error::Invalid`]). Reading takes what Kopia takes;
//! Kopia's narrower limits hold for what is written.

mod create;
mod document;
mod features;
mod key;
mod lock;
mod parameters;
mod password;
mod recovery;
mod scrypt;
mod settings;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

pub use create::CreateOptions;
pub use features::{IfNotUnderstood, RequiredFeature};
pub use key::Key;
pub use lock::UpgradeLock;
pub use parameters::{EpochParameters, Parameters};
pub use password::{KeyDerivation, Password};
pub use recovery::{RECOVERY_WINDOW, recover};
pub use settings::{BlobSettings, Retention, RetentionMode};

use super::seal::Seal;
use crate::{Error, Result};
use document::Document;
use key::BlobCipher;

/// The blob that describes the repository.
pub const FORMAT_BLOB: &str = "kopia.repository";
/// The blob with the retention of all others.
pub const SETTINGS_BLOB: &str = "kopia.blobcfg";
/// The blob with the times of maintenance.
pub const MAINTENANCE_BLOB: &str = "kopia.maintenance";
/// The longest of these three that is read, bytes; real ones have one or two thousand.
pub const MAX_FORMAT_BLOB: usize = 1 << 20;

/// The only encryption that Kopia has for the format blob.
const FORMAT_ENCRYPTION: &str = "AES256_GCM";

/// An opened format blob: everything that is needed to read and write the repository, except the store.
#[derive(Clone, Debug)]
pub struct Format {
    /// The repository's identity, salt of most derivations; never changes.
    pub unique_id: Vec<u8>,
    /// What the blob says about all others.
    pub parameters: Parameters,
    /// The retention of blobs.
    pub settings: BlobSettings,
    /// Warnings about features that the repository wishes for and this engine does not know.
    pub warnings: Vec<String>,
    outer: Document,
    outer_unknown: Map<String, Value>,
    format_key: Key,
    stored: Vec<u8>,
}

/// The decrypted JSON of the blob.
#[derive(Serialize, Deserialize)]
struct Inner<P> {
    format: P,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Format {
    /// Opens the stored blobs; `blobcfg` is `None` where the store has none. Takes about 0.1 s.
    ///
    /// # Errors
    /// [`Error::Denied`] for a wrong password, [`Error::Locked`] during an upgrade, [`Error::Invalid`] for what this
    /// version does not know, [`Error::Corrupt`] for damage.
    pub fn open(document: &[u8], blobcfg: Option<&[u8]>, password: &Password, now: Timestamp) -> Result<Self> {
        let outer = Self::parse_outer(document)?;
        let key = KeyDerivation::by_name(&outer.key_derivation)?.derive(password, &outer.unique_id)?;
        Self::open_with(document, outer, blobcfg, key, now)
    }

    /// Opens a newer state of the same blobs with the key that this one holds, which is fast; for the refresh that
    /// Kopia makes every 15 minutes.
    ///
    /// # Errors
    /// As [`Format::open`]; [`Error::Denied`] also when the password was changed in between.
    pub fn reopen(&self, document: &[u8], blobcfg: Option<&[u8]>, now: Timestamp) -> Result<Self> {
        let outer = Self::parse_outer(document)?;
        if outer.unique_id != self.unique_id {
            return Err(Error::invalid(FORMAT_BLOB, "the store holds another repository than before"));
        }
        // The key is not derived again, and nothing else would tell that the next one to open it derives another.
        if outer.key_derivation != self.outer.key_derivation {
            let reason = format!("it names the key derivation {:.40?} now", outer.key_derivation);
            return Err(Error::corrupt(FORMAT_BLOB, reason));
        }
        Self::open_with(document, outer, blobcfg, self.format_key.clone(), now)
    }

    /// A new repository; nothing is stored. [`Format::documents`] makes the blobs.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the option that can not be taken.
    pub fn create(options: &CreateOptions) -> Result<Self> {
        create::create(options)
    }

    /// The bytes of `kopia.repository` and `kopia.blobcfg` as of now, under `password`, which may be a new one. Write
    /// the second before the first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for parameters beyond Kopia's limits, and for a new password where packs carry a copy of
    /// the blob.
    pub fn documents(&self, password: &Password) -> Result<(Vec<u8>, Vec<u8>)> {
        self.parameters.validate()?;
        let key = KeyDerivation::by_name(&self.outer.key_derivation)?.derive(password, &self.unique_id)?;
        if !self.parameters.enable_password_change && key != self.format_key {
            return Err(Error::invalid("password", "this repository was made in a format that can not change it"));
        }
        let cipher = format_cipher(&key, &self.unique_id)?;
        let inner = Inner { format: &self.parameters, unknown: self.outer_unknown.clone() };
        let inner = Zeroizing::new(serde_json::to_vec(&inner).map_err(|reason| not_json(&reason))?);
        let outer = Document { sealed: seal_blob(&cipher, &inner)?, ..self.outer.clone() };
        let document = serde_json::to_vec_pretty(&outer).map_err(|reason| not_json(&reason))?;
        if document.len() > MAX_FORMAT_BLOB {
            return Err(Error::invalid(FORMAT_BLOB, "it grows beyond 1 MiB"));
        }
        Ok((document, seal_blob(&cipher, &self.settings.json()?)?))
    }

    /// The sealing of contents and index blobs that the parameters name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming an algorithm that is not known.
    pub fn seal(&self) -> Result<Seal> {
        Seal::new(&self.parameters)
    }

    /// Name of the splitter of new objects; repositories that store none mean `FIXED`.
    pub fn splitter(&self) -> &str {
        if self.parameters.splitter.is_empty() { "FIXED" } else { &self.parameters.splitter }
    }

    /// Name of the derivation by which the password becomes a key.
    pub fn key_derivation(&self) -> &str {
        &self.outer.key_derivation
    }

    /// The bytes of `kopia.maintenance` for this JSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the JSON is larger than 1 MiB.
    pub fn seal_schedule(&self, json: &[u8]) -> Result<Vec<u8>> {
        if json.len() > MAX_FORMAT_BLOB - 64 {
            return Err(Error::invalid(MAINTENANCE_BLOB, "it grows beyond 1 MiB"));
        }
        seal_blob(&self.schedule_cipher()?, json)
    }

    /// The JSON in the bytes of `kopia.maintenance`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they are damaged, or sealed under another key.
    pub fn open_schedule(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        check_size(MAINTENANCE_BLOB, sealed)?;
        let plain = self.schedule_cipher()?.open(sealed);
        let mut plain = plain.ok_or_else(|| Error::corrupt(MAINTENANCE_BLOB, "its authentication tag is wrong"))?;
        Ok(std::mem::take(&mut *plain))
    }

    /// The copy of the format blob that every pack of this repository begins with; `None` where Kopia writes none,
    /// which is everywhere the password can change.
    ///
    /// # Errors
    /// [`Error::Invalid`] on a format that was created rather than opened (nothing is stored yet), and on a blob that
    /// is too long for the copy.
    pub fn recovery_copy(&self) -> Result<Option<Vec<u8>>> {
        if self.parameters.enable_password_change {
            return Ok(None);
        }
        if self.stored.is_empty() {
            return Err(Error::invalid(FORMAT_BLOB, "a copy for packs needs the blob as it is stored"));
        }
        recovery::build(&self.stored).map(Some)
    }

    fn parse_outer(document: &[u8]) -> Result<Document> {
        check_size(FORMAT_BLOB, document)?;
        let outer: Document =
            serde_json::from_slice(document).map_err(|reason| Error::corrupt(FORMAT_BLOB, reason.to_string()))?;
        if outer.encryption != FORMAT_ENCRYPTION {
            let reason = format!("the encryption {:?} is not known to this version", outer.encryption);
            return Err(Error::invalid(FORMAT_BLOB, reason));
        }
        Ok(outer)
    }

    fn open_with(stored: &[u8], outer: Document, blobcfg: Option<&[u8]>, key: Key, now: Timestamp) -> Result<Self> {
        let cipher = format_cipher(&key, &outer.unique_id)?;
        let wrong = || Error::denied(FORMAT_BLOB, "the password of the repository is wrong");
        let plain = cipher.open(&outer.sealed).ok_or_else(wrong)?;
        let inner: Inner<Parameters> =
            serde_json::from_slice(&plain).map_err(|reason| Error::corrupt(FORMAT_BLOB, reason.to_string()))?;
        let parameters = inner.format.accept()?;
        let warnings = features::check(&parameters.required_features)?;
        if let Some(lock) = &parameters.upgrade_lock {
            lock.check(now)?;
        }
        let settings = blobcfg.map_or_else(|| Ok(BlobSettings::default()), |sealed| open_settings(&cipher, sealed))?;
        let format = Self {
            unique_id: outer.unique_id.clone(),
            parameters,
            settings,
            warnings,
            outer: Document { sealed: Vec::new(), ..outer },
            outer_unknown: inner.unknown,
            format_key: key,
            stored: stored.to_vec(),
        };
        format.seal()?;
        Ok(format)
    }

    fn schedule_cipher(&self) -> Result<BlobCipher> {
        BlobCipher::new(&self.maintenance_key(), b"maintenance")
            .ok_or_else(|| Error::invalid(MAINTENANCE_BLOB, "its key has a wrong length"))
    }

    /// The key of `kopia.maintenance`. Where the password can not change, Kopia derives it from the password.
    fn maintenance_key(&self) -> Key {
        let enabled = self.parameters.enable_password_change;
        let root = if enabled { &self.parameters.master_key } else { &self.format_key };
        root.derive(&self.unique_id, b"maintenance schedule")
    }
}

/// The cipher of `kopia.repository` and `kopia.blobcfg`.
fn format_cipher(format_key: &Key, unique_id: &[u8]) -> Result<BlobCipher> {
    let associated = format_key.derive(unique_id, b"CHECKSUM");
    BlobCipher::new(&format_key.derive(unique_id, b"AES"), associated.bytes())
        .ok_or_else(|| Error::invalid(FORMAT_BLOB, "its key has a wrong length"))
}

fn open_settings(cipher: &BlobCipher, sealed: &[u8]) -> Result<BlobSettings> {
    check_size(SETTINGS_BLOB, sealed)?;
    let damaged = "it is not sealed as kopia.repository is; a change of the password may have been interrupted";
    BlobSettings::parse(&cipher.open(sealed).ok_or_else(|| Error::corrupt(SETTINGS_BLOB, damaged))?)
}

fn seal_blob(cipher: &BlobCipher, plain: &[u8]) -> Result<Vec<u8>> {
    cipher.seal(plain).ok_or_else(|| Error::invalid(FORMAT_BLOB, "it is too large for its encryption"))
}

fn check_size(blob: &str, bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_FORMAT_BLOB {
        return Err(Error::corrupt(blob, format!("{} bytes are more than 1 MiB", bytes.len())));
    }
    Ok(())
}

fn not_json(reason: &serde_json::Error) -> Error {
    Error::invalid(FORMAT_BLOB, reason.to_string())
}

#[cfg(test)]
mod tests;
