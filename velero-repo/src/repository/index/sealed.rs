//! Sealed blobs: indexes, session markers and logs, named by the hash of what they hold.

use crate::repository::name::BlobId;
use crate::repository::seal::Seal;
use crate::{Error, Result};

/// Seals a payload and names it. `suffix` is a session id, for index blobs with the size of their set.
///
/// # Errors
/// If prefix and suffix do not make a valid name, or encryption fails.
pub fn sealed_blob(seal: &Seal, prefix: &str, suffix: &str, payload: &[u8]) -> Result<(BlobId, Vec<u8>)> {
    let id = BlobId::sealed(prefix, &seal.hash(payload), suffix)?;
    let iv = id.iv().ok_or_else(|| Error::invalid(id.as_str(), "the hash is too short to seal a blob by it"))?;
    let mut sealed = Vec::with_capacity(payload.len() + seal.overhead(payload.len()));
    seal.seal(&iv, payload, &mut sealed)?;
    Ok((id, sealed))
}

/// Opens a sealed blob. Prefix and suffix of its name are not authenticated, the hash is.
///
/// # Errors
/// If the name holds no hash, or the bytes are damaged, or were sealed with another key or under another name.
pub fn open_sealed_blob(seal: &Seal, id: &BlobId, sealed: &[u8]) -> Result<Vec<u8>> {
    let iv = id.iv().ok_or_else(|| Error::corrupt(id.as_str(), "its name holds no hash"))?;
    seal.open(&iv, sealed, sealed.len()).map_err(|error| Error::corrupt(id.as_str(), error.to_string()))
}
