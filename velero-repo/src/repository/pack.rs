//! Packs: blobs that hold many contents, and their trailers.
//!
//! ```text
//! [copy of the format blob]  [32 random bytes]  [content]...  [1 to 4096 random bytes]  [local index]  [postamble]
//! ```
//!
//! Comes in: contents, plain or compressed. Goes out: the bytes of a pack and its entries. A plain body is sealed from
//! where it is to where it lies in the pack; one with a header before it, or with error correction, is copied and sealed
//! there. The trailer tells what the pack holds when all index blobs are lost; it
//! is read by [`read_trailer`], which trusts nothing: the postamble is not authenticated, the local index is.

use std::sync::Arc;

use crate::repository::content::ContentId;
use crate::repository::index::{Entry, PACKED_OVERHEAD, Table, encode};
use crate::repository::name::{BlobId, PackKind, PackName, SessionId};
use crate::repository::seal::{Seal, random};
use crate::{Error, Result};

mod buffer;
mod postamble;
#[cfg(test)]
mod tests;

pub use buffer::Buffer;
pub use postamble::Postamble;

/// A pack is padded to a multiple of this, before its local index.
const BLOCK: usize = 4096;
/// Room for the nonce in front of a sealed body, in bytes.
const NONCE: usize = 12;
/// No content begins at or after this offset.
const OFFSET_LIMIT: usize = 1 << 30;
/// No content is this long, plain or packed.
const LENGTH_LIMIT: usize = 1 << 28;

/// How the packs of a repository are made. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PackStyle {
    seal: Seal,
    index_version: u8,
    format_version: u8,
    full: usize,
    prefix: Arc<[u8]>,
}

impl PackStyle {
    /// `full` is the length in bytes from which on a pack is finished; `format_copy` is put in front of every pack, empty
    /// in repositories whose password can be changed.
    pub fn new(seal: Seal, index_version: u8, format_version: u8, full: usize, format_copy: &[u8]) -> Self {
        PackStyle { seal, index_version, format_version, full, prefix: format_copy.into() }
    }
}

/// What is stored: the content's identity and how its body relates to its plain bytes.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Identity of the plain bytes.
    pub content: ContentId,
    /// Length of the plain bytes.
    pub original_length: usize,
    /// Header id of the compression, 0 if the body is plain. The builder writes the header.
    pub compression: u32,
    /// When it is written, in Unix seconds; later than any tombstone of the same content.
    pub timestamp: i64,
}

/// A pack that is being filled.
#[derive(Debug)]
pub struct PackBuilder {
    style: PackStyle,
    id: PackName,
    /// Length of the blocks that were taken away.
    away: usize,
    bytes: Buffer,
    entries: Vec<Entry>,
    contents: usize,
}

/// A pack that is ready to be stored.
#[derive(Clone, Debug)]
pub struct FinishedPack {
    /// Its name.
    pub id: PackName,
    /// All of it, but for blocks that were taken away before. When it is stored, hand the memory to the next
    /// [`PackBuilder`].
    pub bytes: Vec<u8>,
    /// Its entries for the index, sorted by content.
    pub entries: Vec<Entry>,
}

impl PackBuilder {
    /// Begins a pack under a fresh name. `buffer` is emptied and used; its capacity is what the pack takes, so a buffer
    /// that comes back from a stored pack is not allocated again.
    pub fn new(style: &PackStyle, kind: PackKind, session: &SessionId, buffer: impl Into<Buffer>) -> Self {
        let mut bytes = buffer.into();
        bytes.clear();
        bytes.extend_from_slice(&style.prefix);
        bytes.extend_from_slice(&random::<32>());
        let id = BlobId::pack(kind, random(), session);
        PackBuilder { style: style.clone(), id, away: 0, bytes, entries: Vec::new(), contents: 0 }
    }

    /// The pack's name.
    pub fn id(&self) -> &PackName {
        &self.id
    }

    /// Length so far, in bytes.
    pub fn len(&self) -> usize {
        self.away + self.bytes.len()
    }

    /// What of it is in memory, in bytes.
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Takes away the whole blocks of what is in memory, to be stored where they belong, in this order. Less than a block
    /// stays, without room for more until [`PackBuilder::continue_in`] gives it.
    pub fn take_blocks(&mut self) -> Buffer {
        let whole = self.bytes.len() / BLOCK * BLOCK;
        let mut rest = Buffer::default();
        rest.extend_from_slice(&self.bytes[whole..]); // it is not longer than the bytes
        let mut blocks = std::mem::replace(&mut self.bytes, rest);
        blocks.truncate(whole);
        self.away += whole;
        blocks
    }

    /// Gives it memory for what follows.
    pub fn continue_in(&mut self, buffer: impl Into<Buffer>) {
        let mut buffer = buffer.into();
        buffer.clear();
        buffer.extend_from_slice(&self.bytes);
        self.bytes = buffer;
    }

    /// Whether no content is in it.
    pub fn is_empty(&self) -> bool {
        self.contents == 0
    }

    /// Whether a body of `length` bytes goes in before the pack has its size. Kopia fills on until a pack is longer than
    /// that; without the excess, packs take less memory while they are filled.
    pub fn has_room(&self, length: usize) -> bool {
        self.is_empty() || self.len() + length + self.style.seal.overhead(length) <= self.style.full
    }

    /// Whether it has reached its size and should be finished.
    pub fn is_full(&self) -> bool {
        self.len() >= self.style.full
    }

    /// Seals a content into the pack. `body` is plain, or compressed without the header.
    ///
    /// # Errors
    /// If the content or the pack would be longer than the format can tell, or sealing fails; the pack is then as before.
    pub fn add(&mut self, piece: &Piece, body: &[u8]) -> Result<&Entry> {
        let (start, offset) = (self.bytes.len(), self.len());
        match self.append(piece, body).and_then(|length| self.entry(piece, offset, length)) {
            Ok(entry) => {
                self.contents += 1;
                self.entries.push(entry);
                Ok(&self.entries[self.entries.len() - 1]) // pushed just now
            }
            Err(error) => {
                self.bytes.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends the sealed body; returns its length.
    fn append(&mut self, piece: &Piece, body: &[u8]) -> Result<usize> {
        let start = self.bytes.len();
        if self.len() >= OFFSET_LIMIT || body.len().max(piece.original_length) >= LENGTH_LIMIT {
            return Err(self.too_long(&piece.content));
        }
        let (seal, iv) = (&self.style.seal, piece.content.iv());
        if piece.compression == 0 && !seal.corrects_errors() {
            let room = self.bytes.grow(body.len() + seal.overhead(body.len()));
            seal.seal_into(&iv, body, room)?;
        } else {
            self.bytes.append(|bytes| copy_and_seal(seal, &iv, piece.compression, body, bytes))?;
        }
        match self.bytes.len() - start {
            length if length < LENGTH_LIMIT => Ok(length),
            _ => Err(self.too_long(&piece.content)),
        }
    }

    fn entry(&self, piece: &Piece, offset: usize, length: usize) -> Result<Entry> {
        let number = |length: usize| u32::try_from(length).map_err(|_| self.too_long(&piece.content));
        Ok(Entry {
            content: piece.content,
            pack: self.id.clone(),
            offset: number(offset)?,
            packed_length: number(length)?,
            original_length: number(piece.original_length)?,
            timestamp: piece.timestamp,
            deleted: false,
            compression: piece.compression,
            format_version: self.style.format_version,
            key_id: 0,
        })
    }

    fn too_long(&self, content: &ContentId) -> Error {
        Error::invalid(format!("writing content {content} to pack {}", self.id), "it is too long for the format")
    }

    /// Lists an entry in the local index that is not of this pack, such as a deletion.
    pub fn note(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Pads the pack and appends its trailer. None if no content is in it: such a pack is not stored.
    ///
    /// # Errors
    /// If an entry does not fit into the local index, or sealing fails.
    pub fn finish(mut self) -> Result<Option<FinishedPack>> {
        if self.is_empty() {
            return Ok(None);
        }
        let padding = BLOCK - self.bytes.len() % BLOCK;
        self.bytes.extend_from_slice(&random::<BLOCK>()[..padding]); // 1 to 4096
        let index = encode(self.style.index_version, &mut self.entries, &random::<32>())?;
        let iv = self.style.seal.hash(&index);
        let offset = self.len();
        self.bytes.append(|bytes| self.style.seal.seal(&iv, &index, bytes))?;
        let length = self.len() - offset;
        self.bytes.append(|bytes| Postamble { iv: iv.to_vec(), offset, length }.write(bytes))?;
        self.entries.retain(|entry| entry.pack == self.id);
        Ok(Some(FinishedPack { id: self.id, bytes: self.bytes.into_filled(), entries: self.entries }))
    }
}

/// Appends the sealed form of a body with the header of its compression, if it has one.
fn copy_and_seal(seal: &Seal, iv: &[u8], compression: u32, body: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
    let start = bytes.len();
    bytes.reserve(body.len() + 4 + seal.overhead(body.len() + 4));
    bytes.extend_from_slice(&[0; NONCE]);
    if compression != 0 {
        bytes.extend_from_slice(&compression.to_be_bytes());
    }
    bytes.extend_from_slice(body);
    seal.seal_in_place(iv, bytes, start)
}

/// Reads what a pack holds from its own trailer, for the time when all index blobs are lost. Entries may be of other
/// packs: deletions that were written at the same time.
///
/// # Errors
/// If the trailer is damaged, or was sealed with another key.
pub fn read_trailer(pack: &[u8], seal: &Seal) -> Result<Vec<Entry>> {
    let corrupt = |reason: &str| Error::corrupt("the trailer of a pack", reason);
    let postamble = Postamble::find(pack).ok_or_else(|| corrupt("there is no valid postamble at its end"))?;
    let sealed = postamble.range().and_then(|range| pack.get(range));
    let sealed = sealed.ok_or_else(|| corrupt("the local index lies outside of the pack"))?;
    let index = seal.open(&postamble.iv, sealed, sealed.len())?;
    Ok(Table::parse(index.into(), PACKED_OVERHEAD)?.iter().collect())
}
