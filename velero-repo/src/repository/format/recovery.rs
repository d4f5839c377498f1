//! The copy of `kopia.repository` in every pack of a repository whose password can not change.
//!
//! ```text
//! length (u16, little-endian) | document | HMAC-SHA256 of it | length again
//! ```
//!
//! The length counts the document and its HMAC. The key of the HMAC is public: it tells damage, not forgery.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::FORMAT_BLOB;
use crate::{Error, Result};

/// Bytes from either end of a pack that can hold the copy.
pub const RECOVERY_WINDOW: usize = 65536;
/// The longest document and HMAC together, bytes.
const MAX_LENGTH: usize = 65000;
/// Length of the HMAC, bytes.
const CHECK_LENGTH: usize = 32;

/// The bytes that a pack begins with.
pub(crate) fn build(document: &[u8]) -> Result<Vec<u8>> {
    let length = document.len() + CHECK_LENGTH;
    let too_long = || Error::invalid(FORMAT_BLOB, format!("{} bytes do not fit into a pack", document.len()));
    let length = u16::try_from(length).ok().filter(|_| length <= MAX_LENGTH).ok_or_else(too_long)?.to_le_bytes();
    let check = check(document).ok_or_else(too_long)?.finalize().into_bytes();
    Ok([&length[..], document, &check, &length].concat())
}

/// The document out of the first or the last [`RECOVERY_WINDOW`] bytes of a pack (or the whole pack), if there is an
/// undamaged copy.
pub fn recover(part: &[u8]) -> Option<Vec<u8>> {
    let front = || {
        let (length, rest) = part.split_first_chunk::<2>()?;
        verified(rest.get(..usize::from(u16::from_le_bytes(*length)))?)
    };
    let back = || {
        let (rest, length) = part.split_last_chunk::<2>()?;
        let start = rest.len().checked_sub(usize::from(u16::from_le_bytes(*length)))?;
        verified(rest.get(start..)?)
    };
    front().or_else(back)
}

/// The document of a document and its HMAC, if they agree.
fn verified(copy: &[u8]) -> Option<Vec<u8>> {
    let (document, stored) = copy.split_last_chunk::<CHECK_LENGTH>()?;
    check(document)?.verify_slice(stored).ok()?;
    Some(document.to_vec())
}

/// The HMAC over a document, unfinished; the key fits always.
fn check(document: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(b"kopia-repository").ok().map(|mac: Hmac<Sha256>| mac.chain_update(document))
}
