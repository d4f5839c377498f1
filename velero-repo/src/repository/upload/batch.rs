//! Files that one worker reads together.
//!
//! A batch has one item for each entry, of one directory or of many small ones, because hashing many files at once is
//! several times cheaper than one after the other. Its windows may be hashed by other workers, who leave the identities
//! of the chunks here.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chunks::{Layout, file_object, part};
use super::names::Names;
use super::node::Node;
use super::outcome::Outcome;
use super::reuse::Earlier;
use crate::repository::content::ContentId;
use crate::repository::directory::Entry;
use crate::repository::object::{FilePart, IndirectEntry, concatenate};
use crate::repository::session::ContentWriter;
use crate::{Error, Result};

/// One entry on its way.
#[derive(Debug, Default)]
pub(super) enum Item {
    /// Nobody has looked at it.
    #[default]
    Untouched,
    /// It is not in the snapshot and nobody misses it.
    Absent,
    /// What became of it.
    Settled(Outcome),
    /// Its chunks are being hashed.
    Growing(Box<Growing>),
}

/// A file whose chunks are being hashed.
#[derive(Debug)]
pub(super) struct Growing {
    /// The entry, without its object.
    pub(super) entry: Entry,
    /// Length and identity of each chunk; the latter as soon as it is known.
    pub(super) chunks: Vec<(u64, Option<ContentId>)>,
    /// Where parts of the file end, in chunks, if it is written in parts.
    pub(super) part_ends: Vec<usize>,
    /// Whether all chunks are cut.
    pub(super) complete: bool,
}

/// The items, and how many windows of them others are hashing.
#[derive(Debug, Default)]
pub(super) struct Batch {
    items: Mutex<Vec<Item>>,
    pending: AtomicUsize,
}

impl Batch {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for `count` more items.
    pub(super) fn extend(&self, count: usize) {
        let mut items = self.lock();
        let all = items.len() + count;
        items.resize_with(all, Item::default);
    }

    pub(super) fn set(&self, number: usize, item: Item) {
        if let Some(place) = self.lock().get_mut(number) {
            *place = item;
        }
    }

    /// Changes a file that is being hashed.
    pub(super) fn grow<T>(&self, number: usize, change: impl FnOnce(&mut Growing) -> T) -> Option<T> {
        match self.lock().get_mut(number) {
            Some(Item::Growing(growing)) => Some(change(growing)),
            _ => None,
        }
    }

    /// Notes the identities of chunks: number of the item, number of the chunk in it, identity.
    pub(super) fn identify(&self, chunks: impl IntoIterator<Item = (usize, usize, ContentId)>) {
        let mut items = self.lock();
        for (item, chunk, content) in chunks {
            // A file that failed meanwhile has no chunks.
            if let Some(Item::Growing(growing)) = items.get_mut(item)
                && let Some((_, identity)) = growing.chunks.get_mut(chunk)
            {
                *identity = Some(content);
            }
        }
    }

    pub(super) fn begin_window(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn end_window(&self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether all windows have been hashed.
    pub(super) fn is_hashed(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// What became of the items, once all is hashed.
    pub(super) fn outcomes(
        &self,
        range: Range<usize>,
        layout: Layout,
        writer: &mut ContentWriter,
    ) -> Result<Vec<Outcome>> {
        let items: Vec<Item> = match self.lock().get_mut(range) {
            Some(items) => items.iter_mut().map(|item| std::mem::replace(item, Item::Absent)).collect(),
            None => Vec::new(),
        };
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Absent => {}
                Item::Settled(outcome) => outcomes.push(outcome),
                Item::Growing(growing) => outcomes.push(Outcome::Entry(Box::new(growing.finish(layout, writer)?))),
                Item::Untouched => return Err(Error::invalid("upload", "a file was forgotten")),
            }
        }
        Ok(outcomes)
    }

    /// What is known of the items, for a snapshot that is not complete.
    pub(super) fn so_far(
        &self,
        range: Range<usize>,
        layout: Layout,
        writer: &mut ContentWriter,
    ) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for item in self.lock().get(range).unwrap_or_default() {
            match item {
                Item::Untouched | Item::Absent => {}
                Item::Settled(outcome) => outcomes.push(outcome.clone()),
                Item::Growing(growing) => {
                    outcomes.extend(growing.so_far(layout, writer)?.map(|entry| Outcome::Entry(Box::new(entry))));
                }
            }
        }
        Ok(outcomes)
    }
}

impl Growing {
    pub(super) fn new(entry: Entry) -> Growing {
        Growing { entry, chunks: Vec::new(), part_ends: Vec::new(), complete: false }
    }

    /// Bytes that were cut so far.
    pub(super) fn length(&self) -> u64 {
        self.chunks.iter().map(|(length, _)| length).sum()
    }

    fn finish(self, layout: Layout, writer: &mut ContentWriter) -> Result<Entry> {
        let chunks = self.identified(self.chunks.len());
        if chunks.len() != self.chunks.len() {
            return Err(Error::invalid(format!("file {:?}", self.entry.name), "a chunk of it was not hashed"));
        }
        let chunks = if self.part_ends.is_empty() { chunks } else { self.join_parts(&chunks)? };
        let object = file_object(&chunks, layout, writer)?;
        Ok(Entry { size: self.length(), object: Some(object), ..self.entry })
    }

    /// The list of the first chunks, as far as all of them are hashed, at most `limit`.
    fn identified(&self, limit: usize) -> Vec<IndirectEntry> {
        let mut start = 0;
        let known = self.chunks.iter().take(limit).map_while(|(length, content)| Some((*length, (*content)?)));
        known
            .map(|(length, content)| {
                let entry = part(start, length, content);
                start += length;
                entry
            })
            .collect()
    }

    /// The list of a file in parts, each of which was cut for itself.
    fn join_parts(&self, chunks: &[IndirectEntry]) -> Result<Vec<IndirectEntry>> {
        let mut parts = Vec::with_capacity(self.part_ends.len());
        let mut from = 0;
        for end in &self.part_ends {
            let chunks = chunks.get(from..*end).unwrap_or_default();
            let start = chunks.first().map_or(0, |first| first.start);
            parts.push(FilePart::List(chunks.iter().map(|c| IndirectEntry { start: c.start - start, ..*c }).collect()));
            from = *end;
        }
        concatenate(parts)
    }

    /// The entry for a snapshot that is not complete: under its own name only if nothing of it is missing, so that no
    /// later snapshot takes a part of a file for the file. Kopia names such parts alike.
    fn so_far(&self, layout: Layout, writer: &mut ContentWriter) -> Result<Option<Entry>> {
        let chunks = self.identified(self.chunks.len());
        let Some(last) = chunks.last() else { return Ok(None) };
        let size = last.start + last.length;
        let object = Some(file_object(&chunks, layout, writer)?);
        let mut entry = Entry { size, object, ..self.entry.clone() };
        if !self.complete || chunks.len() < self.chunks.len() || !self.part_ends.is_empty() {
            let random = crate::repository::seal::random::<8>();
            entry.name = format!("{}.checkpointed.{:016x}", entry.name, u64::from_be_bytes(random));
        }
        Ok(Some(entry))
    }
}

/// Files of one directory in a batch, in the order of their names.
pub(super) struct Slice {
    pub(super) node: Arc<Node>,
    /// Its number in the directory.
    pub(super) number: usize,
    pub(super) files: Arc<Names>,
    pub(super) from: usize,
    pub(super) count: usize,
    /// What each of them was, for each earlier snapshot.
    pub(super) earlier: Vec<Vec<Option<Earlier>>>,
    /// The item of the first file.
    pub(super) first_item: usize,
}

impl Slice {
    pub(super) fn names(&self) -> Vec<&[u8]> {
        self.files.range(self.from, self.count)
    }

    /// What a file was in earlier snapshots, by its number in the slice.
    pub(super) fn earlier(&self, at: usize) -> impl Iterator<Item = &Earlier> {
        self.earlier.iter().filter_map(move |known| known.get(at)?.as_ref())
    }

    pub(super) fn items(&self) -> Range<usize> {
        self.first_item..self.first_item + self.count
    }
}
