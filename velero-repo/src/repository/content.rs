//! Identities of contents.
//!
//! A content is a piece of plain bytes; its identity is an optional letter `g` to `z` (who uses it) and the keyed hash of
//! the bytes. Comes in: text, hashes, or the binary key of an index. Goes out: [`ContentId`]. Refused: other letters,
//! hashes that are empty or longer than 32 bytes.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::repository::name::{PackKind, hex, hex_byte};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Longest hash of any algorithm, in bytes.
pub const LONGEST_HASH: usize = 32;
/// Prefix of manifest batches.
pub const MANIFEST: u8 = b'm';
/// Prefix of directories.
pub const DIRECTORY: u8 = b'k';
/// Prefix of the indexes of long files.
pub const INDIRECT: u8 = b'x';

/// Identity of a content. Ordered as index blobs are: by binary key, ids without prefix first.
#[derive(Clone, Copy)]
pub struct ContentId {
    length: u8,
    key: [u8; 1 + LONGEST_HASH],
}

impl ContentId {
    /// An identity of its parts.
    ///
    /// # Errors
    /// If the prefix is not one of `g` to `z`, or the hash is empty or longer than 32 bytes.
    pub fn new(prefix: Option<u8>, hash: &[u8]) -> Result<Self> {
        Self::of_parts(prefix.unwrap_or(0), hash)
            .filter(|_| prefix != Some(0))
            .ok_or_else(|| Error::invalid("content id", "prefix must be g to z, the hash 1 to 32 bytes long"))
    }

    /// Reads the binary key of an index: the prefix letter, 0 for none, then the hash.
    ///
    /// # Errors
    /// As [`ContentId::new`].
    pub fn from_key(key: &[u8]) -> Result<Self> {
        Self::of_key(key).ok_or_else(|| Error::invalid("content key", "prefix must be 0 or g to z, hash 1 to 32 bytes"))
    }

    /// As [`ContentId::from_key`], for callers with an error of their own.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        let (prefix, hash) = key.split_first()?;
        Self::of_parts(*prefix, hash)
    }

    fn of_parts(prefix: u8, hash: &[u8]) -> Option<Self> {
        if !matches!(prefix, 0 | b'g'..=b'z') || hash.is_empty() {
            return None;
        }
        let mut key = [0; 1 + LONGEST_HASH];
        key[0] = prefix;
        key.get_mut(1..=hash.len())?.copy_from_slice(hash);
        Some(ContentId { length: u8::try_from(hash.len()).ok()?, key })
    }

    /// Reads the text form: the prefix letter if any, then the hash in hexadecimal digits.
    ///
    /// # Errors
    /// If the text is not such an identity.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of_text(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Error::invalid(format!("content id {shown:?}"), "expected an optional letter g to z and hexadecimal digits")
        })
    }

    fn of_text(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (prefix, digits) = match bytes.split_first() {
            Some((prefix, digits)) if bytes.len() % 2 == 1 => (Some(*prefix), digits),
            _ => (None, bytes),
        };
        if digits.len() > 2 * LONGEST_HASH || prefix == Some(0) {
            return None;
        }
        let mut hash = [0; LONGEST_HASH];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_byte(pair)?;
        }
        Self::of_parts(prefix.unwrap_or(0), hash.get(..digits.len() / 2)?)
    }

    /// The prefix letter.
    pub fn prefix(&self) -> Option<u8> {
        (self.key[0] != 0).then_some(self.key[0])
    }

    /// The hash.
    pub fn hash(&self) -> &[u8] {
        &self.key()[1..] // a key has its prefix byte
    }

    /// The binary key of an index: the prefix letter, 0 for none, then the hash.
    pub fn key(&self) -> &[u8] {
        &self.key[..=usize::from(self.length)] // the length is at most 32
    }

    /// Appends the binary key of an index.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key());
    }

    /// The initialisation vector of the content in its pack: the last 16 bytes of the hash. The hashes of all
    /// algorithms are at least that long; a shorter one is filled up with zeros in front.
    pub fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        for (to, from) in iv.iter_mut().rev().zip(self.hash().iter().rev()) {
            *to = *from;
        }
        iv
    }

    /// The kind of pack that holds the content.
    pub fn pack_kind(&self) -> PackKind {
        PackKind::of(self.prefix())
    }
}

impl PartialEq for ContentId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ContentId {}

impl PartialOrd for ContentId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ContentId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

impl Hash for ContentId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.key());
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = self.prefix() {
            write!(f, "{}", char::from(prefix))?;
        }
        f.write_str(&hex(self.hash()))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
