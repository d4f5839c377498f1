//! Large index blobs in the cache: in leaves, so that a few contents are found without reading all of the index.
//!
//! ```text
//! file   length of the sealed root (8) | sealed root | sealed leaves
//! ```
//!
//! Comes in: the table of an index blob, which was checked as it came from the store. Goes out: a [`Kept`], which finds
//! entries in the file and makes the table of it again. Everything in the file is sealed with the repository's own key,
//! under the name of the index blob and its number, so the disk tells no more than the bucket, and neither other bytes
//! nor those of another place open. What does not open is no error of the repository: the blob is read from the store.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::cache::Cache;
use super::contents::open_in_place;
use crate::error::{Error, Result};
use crate::repository::content::ContentId;
use crate::repository::index::{Entry, PACKED_OVERHEAD, Root, Table};
use crate::repository::name::BlobId;
use crate::repository::seal::Seal;

/// Index blobs of this many bytes or more are kept in leaves.
pub(super) const LEAST: u64 = 1 << 20;
/// The longest root, bytes: an index of 4 GiB has half of it.
const LONGEST_ROOT: u64 = 1 << 20;
/// Bytes of the number in front.
const NUMBER: u64 = 8;
/// Opened leaves that are held, in case they are wanted again.
const RECENT: usize = 16;

/// An index blob that lies in the cache.
pub(super) struct Kept {
    blob: BlobId,
    seal: Seal,
    file: File,
    root: Root,
    /// Where each leaf begins in the file, and at last where the file ends.
    places: Vec<u64>,
    recent: Recent,
}

/// The leaves of an index blob that were read last.
#[derive(Default)]
pub(super) struct Recent {
    leaves: Mutex<VecDeque<(usize, Bytes)>>,
    read: AtomicUsize,
}

impl Recent {
    /// A leaf, read if it is not here.
    pub(super) fn leaf(&self, number: usize, read: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, leaf)) = leaves.iter().find(|(found, _)| *found == number) {
            return Ok(leaf.clone());
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        let leaf = read()?;
        leaves.truncate(RECENT - 1);
        leaves.push_front((number, leaf.clone()));
        Ok(leaf)
    }

    /// How many were read so far.
    pub(super) fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

impl Kept {
    /// Keeps the entries of an index blob.
    pub(super) fn write(cache: &Cache, seal: &Seal, blob: &BlobId, table: &Table) {
        let (Some(root), mut sealed) = (Root::of(table), Vec::new()) else { return };
        if seal.seal(&iv(seal, blob, "root"), &root.encode(), &mut sealed).is_err() {
            return; // it is longer than a cipher can seal
        }
        let places = places(seal, &root, sealed.len() as u64);
        let length = places.last().copied().unwrap_or(0);
        cache.put_with(&Cache::leaves_of(blob), length, |out| {
            out.write_all(&(sealed.len() as u64).to_be_bytes())?;
            out.write_all(&sealed)?;
            for number in 0..root.leaves() {
                sealed.clear();
                let leaf = &table.payload()[root.leaf(number)]; // leaves lie in the payload of their table
                seal.seal(&iv(seal, blob, number), leaf, &mut sealed).map_err(io::Error::other)?;
                out.write_all(&sealed)?;
            }
            Ok(())
        });
    }

    /// The index blob, if it lies in the cache.
    pub(super) fn open(cache: &Cache, seal: &Seal, blob: &BlobId) -> Option<Kept> {
        let file = cache.file(&Cache::leaves_of(blob))?;
        let mut length = [0; NUMBER as usize];
        file.read_exact_at(&mut length, 0).ok()?;
        let length = Some(u64::from_be_bytes(length)).filter(|length| *length <= LONGEST_ROOT)?;
        let mut sealed = vec![0; usize::try_from(length).ok()?];
        file.read_exact_at(&mut sealed, NUMBER).ok()?;
        let root = seal.open(&iv(seal, blob, "root"), &sealed, sealed.len()).ok()?;
        let root = Root::parse(&root).ok()?;
        let places = places(seal, &root, length);
        (file.metadata().ok()?.len() == *places.last()?).then_some(())?;
        let (blob, seal) = (blob.clone(), seal.clone());
        Some(Kept { blob, seal, file, root, places, recent: Recent::default() })
    }

    /// Which index blob this is.
    pub(super) fn blob(&self) -> &BlobId {
        &self.blob
    }

    /// Whether so much was read for single entries that it would have been less work to read all.
    pub(super) fn is_worn(&self) -> bool {
        self.recent.read() > self.root.leaves()
    }

    /// The entry of a content, deleted or not.
    ///
    /// # Errors
    /// Corrupt, or of reading: the file can not be relied on.
    pub(super) fn get(&self, content: &ContentId) -> Result<Option<Entry>> {
        self.root.get(content, |number| self.leaf(number))
    }

    /// The entries of contents with a prefix letter.
    ///
    /// # Errors
    /// As [`Kept::get`].
    pub(super) fn with_prefix(&self, prefix: u8) -> Result<Vec<Entry>> {
        self.root.with_prefix(prefix, usize::MAX, |number| self.leaf(number))
    }

    /// All entries.
    ///
    /// # Errors
    /// As [`Kept::get`].
    pub(super) fn table(&self) -> Result<Table> {
        let mut payload = Vec::with_capacity(self.root.length());
        payload.extend_from_slice(self.root.header());
        for number in 0..self.root.leaves() {
            payload.extend_from_slice(&self.read(number)?);
        }
        Table::parse(payload.into(), PACKED_OVERHEAD)
    }

    fn leaf(&self, number: usize) -> Result<Bytes> {
        self.recent.leaf(number, || self.read(number))
    }

    fn read(&self, number: usize) -> Result<Bytes> {
        let place = self.places.get(number).zip(self.places.get(number + 1));
        let (start, end) = place.ok_or_else(|| Error::corrupt(self.blob.as_str(), "it has no such leaf"))?;
        let mut sealed = vec![0; (end - start) as usize]; // places ascend by a sealed leaf at a time
        let failed = |source| Error::Io { operation: "reading the cache", path: self.blob.to_string(), source };
        self.file.read_exact_at(&mut sealed, *start).map_err(failed)?;
        open_in_place(&self.seal, &iv(&self.seal, &self.blob, number), sealed.into())
    }
}

/// Where leaves begin after a sealed root of this length, and where the last one ends.
fn places(seal: &Seal, root: &Root, length: u64) -> Vec<u64> {
    let mut at = NUMBER + length;
    let mut places = vec![at];
    places.extend((0..root.leaves()).map(|number| {
        let plain = root.leaf(number).len();
        at += (plain + seal.overhead(plain)) as u64;
        at
    }));
    places
}

/// Under what a part of an index blob is sealed: nothing else is, as it is the hash of a sentence.
fn iv(seal: &Seal, blob: &BlobId, part: impl std::fmt::Display) -> [u8; 16] {
    seal.hash(format!("leaf {part} of the index blob {blob}").as_bytes()).iv()
}

#[cfg(test)]
mod tests;
