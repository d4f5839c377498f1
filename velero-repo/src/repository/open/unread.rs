//! Large index blobs of which only a few pieces are read, because somebody wants one content of millions.
//!
//! Comes in: an index blob in the store. Goes out: an [`Unread`], and from it the entries that the blob seems to have.
//! **Nothing here is authenticated**: a sealed blob has one tag, and to check it all of the blob has to be read. So an
//! entry is a hint, to be believed only when what it leads to proves it: a content by its hash, a batch of manifests by the
//! sealed trailer of its pack. That something is not there is never believed. Whoever can not be helped by hints reads the
//! whole blob, and is told then what is wrong with it.
//!
//! From a remote store the pieces go through the cache, sealed as they are.

use bytes::{Bytes, BytesMut};
use std::ops::Range;

use super::cache::{self, Cache};
use super::kept::Recent;
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, BlobStore};
use crate::repository::content::ContentId;
use crate::repository::index::{Entry, Root};
use crate::repository::seal::Seal;

/// Smaller index blobs are read as a whole, bytes.
pub(super) const LEAST: u64 = if cfg!(test) { 1 << 20 } else { 8 << 20 };
/// Entries of a prefix letter that are worth a look.
const MOST: usize = 1_000;
/// Leaves that may be read one by one, in any case.
const FEW: usize = 32;
/// And one of so many of all.
const SHARE: usize = 16;

/// An index blob that was not read.
pub(super) struct Unread {
    pieces: Pieces,
    root: Root,
    recent: Recent,
}

/// Where its plain bytes come from.
struct Pieces {
    info: BlobInfo,
    iv: [u8; 16],
    front: Bytes,
    blobs: BlobStore,
    cache: Option<Cache>,
    seal: Seal,
}

impl Unread {
    /// Looks at the beginning of an index blob; `None` if it is gone. On a plain thread.
    ///
    /// # Errors
    /// Corrupt: only the whole of it tells what it is. Those of the store.
    pub(super) fn open(blobs: BlobStore, cache: Option<Cache>, seal: Seal, info: &BlobInfo) -> Result<Option<Unread>> {
        let iv = info.id.iv().ok_or_else(|| Error::corrupt(info.id.as_str(), "its name holds no hash"))?;
        let start = (Seal::FRONT + Root::HEADER) as u64;
        let cache = cache.filter(|_| !blobs.is_directory());
        let mut pieces = Pieces { info: info.clone(), iv, front: Bytes::new(), blobs, cache, seal };
        let Some(start) = pieces.sealed(0, start)? else { return Ok(None) };
        pieces.front = start.slice(..Seal::FRONT); // it is longer
        let header = pieces.plain(0..Root::HEADER)?;
        let formats = pieces.plain(Root::formats_of(&header)?)?;
        let length = usize::try_from(info.length).unwrap_or(usize::MAX).saturating_sub(pieces.seal.overhead(0));
        let root = Root::of_start(&[&header[..], &formats].concat(), length)?;
        Ok(Some(Unread { pieces, root, recent: Recent::default() }))
    }

    /// Which index blob this is.
    pub(super) fn info(&self) -> &BlobInfo {
        &self.pieces.info
    }

    /// Whether so much was looked at that it is time to read all.
    pub(super) fn is_worn(&self) -> bool {
        self.recent.read() > FEW + self.root.leaves() / SHARE
    }

    /// The entry of a content, as it seems.
    ///
    /// # Errors
    /// Corrupt: it can not be one. Those of the store.
    pub(super) fn get(&self, content: &ContentId) -> Result<Option<Entry>> {
        self.root.get(content, |number| self.leaf(number))
    }

    /// The entries of contents with a prefix letter, as it seems; a few.
    ///
    /// # Errors
    /// As [`Unread::get`]. Corrupt: they are many.
    pub(super) fn with_prefix(&self, prefix: u8) -> Result<Vec<Entry>> {
        self.root.with_prefix(prefix, MOST, |number| self.leaf(number))
    }

    fn leaf(&self, number: usize) -> Result<Bytes> {
        if self.is_worn() {
            return Err(Error::invalid(self.info().id.as_str(), "it takes too many pieces"));
        }
        self.recent.leaf(number, || self.pieces.plain(self.root.leaf(number)))
    }
}

impl Pieces {
    /// Some plain bytes, or what seems so.
    fn plain(&self, range: Range<usize>) -> Result<Bytes> {
        let part = Seal::part(range.clone());
        let sealed = self.sealed(part.start as u64, part.len() as u64)?;
        let sealed = sealed.ok_or_else(|| Error::Missing { what: self.info.id.to_string() })?;
        let sealed = sealed.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        self.seal.open_part(&self.iv, &self.front, range.start, sealed)
    }

    /// Bytes as they are stored; `None` if the blob is gone.
    fn sealed(&self, offset: u64, length: u64) -> Result<Option<Bytes>> {
        let range = cache::Range { blob: self.info.id.clone(), offset, length };
        if let Some(sealed) = self.cache.as_ref().and_then(|cache| cache.get(&range)) {
            return Ok(Some(sealed));
        }
        let sealed = self.blobs.get_range_blocking(&range.blob, offset, length)?;
        if let (Some(cache), Some(sealed)) = (&self.cache, &sealed) {
            cache.put(&range, sealed);
        }
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests;
