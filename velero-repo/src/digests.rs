//! Size and SHA-256 of what is stored, and the document `<b>-digests.json` that lists them for one backup (D8).
//!
//! The document is ours; Velero ignores the name and deletes the object with the backup. It maps each file of the
//! backup's directory, `velero-backup.json` included and itself excluded, to its stored (compressed) size and digest.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The format of the document that this crate writes.
const VERSION: u32 = 1;

/// Size and SHA-256 of one stored object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Refuses bytes with digest `found` under `key` if they are not those of this digest.
    pub(crate) fn check(&self, key: &str, found: &Digest) -> Result<()> {
        if self.size != found.size {
            return Err(Error::corrupt(key, format!("it has {} bytes and not {}", found.size, self.size)));
        }
        if self.sha256 != found.sha256 {
            return Err(Error::corrupt(key, "its SHA-256 is not that of the bytes that were stored"));
        }
        Ok(())
    }
}

/// The digests of all objects of one backup, by file name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    version: u32,
    /// File name in the backup's directory to its digest.
    pub objects: BTreeMap<String, Digest>,
}

impl Digests {
    /// A document that lists `objects`.
    pub(crate) fn new(objects: BTreeMap<String, Digest>) -> Self {
        Digests { version: VERSION, objects }
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|e| Error::invalid("digest document", e.to_string()))
    }

    pub(crate) fn from_json(key: &str, bytes: &[u8]) -> Result<Self> {
        let digests: Digests =
            serde_json::from_slice(bytes).map_err(|e| Error::corrupt(key, format!("no digest document: {e}")))?;
        if digests.version > VERSION {
            return Err(Error::corrupt(key, format!("format {} is newer than this program", digests.version)));
        }
        Ok(digests)
    }
}

/// Counts and hashes bytes as they pass.
#[derive(Clone, Default)]
pub(crate) struct Hasher {
    size: u64,
    sha256: Sha256,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let sha256 = self.sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Digest { size: self.size, sha256 }
    }
}
