//! Where a content is: index blobs, version 1 and 2, merged.
//!
//! Comes in: decrypted payloads of index blobs, from a bucket that nobody trusts. Goes out: [`Table`]s that answer by
//! binary search in the payload itself, a [`View`] over several of them, and new payloads, byte for byte as Kopia would
//! write them. Everything that is held, merged or written has one shape, the version 2 payload: 33 to 36 bytes for an
//! entry with a 16-byte hash. Refused while parsing, so that nothing later can fail: counts that exceed the payload,
//! keys out of order or of mixed length, packs, formats and names out of range.

use std::cmp::Ordering;

use crate::repository::content::ContentId;
use crate::repository::name::{BlobId, PackName};

mod encode;
mod leaves;
mod merge;
mod packs;
mod payload;
mod sealed;
mod table;
#[cfg(test)]
mod tests;
mod v1;
mod view;

pub use encode::{encode, encode_rows, encode_shards};
pub use leaves::Root;
pub use merge::Merged;
pub use packs::{PackOrder, Packs};
pub use sealed::{open_sealed_blob, sealed_blob};
pub use table::Table;
pub use view::View;

/// Bytes that encryption adds to a content; version 1 derives the plain length from it.
pub const PACKED_OVERHEAD: u32 = 28;

/// Where one content is, and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which content.
    pub content: ContentId,
    /// The pack that holds it.
    pub pack: PackName,
    /// Where it begins in the pack, in bytes.
    pub offset: u32,
    /// Its length in the pack, in bytes.
    pub packed_length: u32,
    /// Its plain length, in bytes.
    pub original_length: u32,
    /// When the entry was written, in Unix seconds; the latest one counts.
    pub timestamp: i64,
    /// Whether this is a tombstone. It still says where the content lies, so that the deletion can be undone.
    pub deleted: bool,
    /// Compression header id, 0 if it is not compressed.
    pub compression: u32,
    /// Format version of the repository when the content was written.
    pub format_version: u8,
    /// Encryption key; only 0 is in use.
    pub key_id: u8,
}

impl Entry {
    /// The entry as encoders take it.
    pub fn row(&self) -> Row<'_> {
        Row {
            key: self.content.key(),
            pack: self.pack.as_str(),
            offset: self.offset,
            packed_length: self.packed_length,
            original_length: self.original_length,
            timestamp: self.timestamp,
            deleted: self.deleted,
            format: Format { compression: self.compression, version: self.format_version, key_id: self.key_id },
        }
    }
}

/// How a content is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format {
    /// Compression header id, 0 if it is not compressed.
    pub compression: u32,
    /// Format version of the repository when the content was written.
    pub version: u8,
    /// Encryption key; only 0 is in use.
    pub key_id: u8,
}

/// An [`Entry`] that borrows from its table; the fields mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Binary key of the content.
    pub key: &'a [u8],
    /// The pack that holds it.
    pub pack: &'a str,
    /// Where it begins in the pack, in bytes.
    pub offset: u32,
    /// Its length in the pack, in bytes.
    pub packed_length: u32,
    /// Its plain length, in bytes.
    pub original_length: u32,
    /// When the entry was written, in Unix seconds.
    pub timestamp: i64,
    /// Whether this is a tombstone.
    pub deleted: bool,
    /// How it is stored.
    pub format: Format,
}

impl Row<'_> {
    /// The row as an owned entry; None if key or pack name are not valid, which no row of a [`Table`] can be.
    pub fn entry(&self) -> Option<Entry> {
        Some(Entry {
            content: ContentId::of_key(self.key)?,
            pack: BlobId::new(self.pack).ok()?,
            offset: self.offset,
            packed_length: self.packed_length,
            original_length: self.original_length,
            timestamp: self.timestamp,
            deleted: self.deleted,
            compression: self.format.compression,
            format_version: self.format.version,
            key_id: self.format.key_id,
        })
    }

    /// Which of two rows for the same content counts: the later one; of equally late ones one that is not deleted; else
    /// the one with the larger pack name. The greater row wins.
    pub fn precedence(&self, other: &Row<'_>) -> Ordering {
        let rank = |row: &Row<'_>| (row.timestamp, !row.deleted);
        rank(self).cmp(&rank(other)).then_with(|| self.pack.cmp(other.pack))
    }
}
