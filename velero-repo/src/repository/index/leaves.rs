//! A large index payload in leaves, so that one entry is found without the rest.
//!
//! ```text
//! root   length of the payload (8) | its header (17) | its formats (6 each)
//!        | first 8 bytes of the first key of each leaf of rows
//! leaf   up to 64 KiB of the payload after its header: first those of whole rows, then those of what follows the rows
//! ```
//!
//! Comes in: a [`Table`], which has been checked. Goes out: its [`Root`], which says where leaves begin and end, and
//! finds entries in them through a function that reads a leaf. What is read is not checked again row by row: whoever keeps
//! leaves keeps them sealed. It is refused where it can not be, without a panic.

use std::ops::Range;

use bytes::Bytes;

use super::payload::{HEADER, Layout, PACK_ROW, fence, field, size};
use super::{Entry, Table};
use crate::repository::content::ContentId;
use crate::{Error, Result};

/// Plain bytes of a leaf, at most.
const LEAF: usize = 64 << 10;
/// Bytes of a number in a root.
const NUMBER: usize = 8;

/// What is known of a payload without its leaves.
#[derive(Clone, Debug)]
pub struct Root {
    layout: Layout,
    /// The header of the payload and its formats.
    start: Vec<u8>,
    length: usize,
    firsts: Vec<u64>,
}

impl Root {
    /// The root of a table; none if it is empty.
    pub fn of(table: &Table) -> Option<Root> {
        if table.is_empty() {
            return None;
        }
        let (payload, layout) = (table.payload(), table.layout().clone());
        let (start, length) = (layout.start(payload), payload.len());
        let mut root = Root { layout, start, length, firsts: Vec::new() };
        let rows = (0..table.len()).step_by(root.rows_of_leaf());
        root.firsts = rows.map(|row| fence(table.key(row))).collect();
        Some(root)
    }

    /// The root as it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut root = (self.length as u64).to_be_bytes().to_vec();
        root.extend_from_slice(&self.start);
        root.extend(self.firsts.iter().flat_map(|first| first.to_be_bytes()));
        root
    }

    /// Reads what [`Root::encode`] wrote.
    ///
    /// # Errors
    /// Corrupt: it is something else.
    pub fn parse(bytes: &[u8]) -> Result<Root> {
        Self::read(bytes).ok_or_else(|| damaged("its root is none"))
    }

    fn read(bytes: &[u8]) -> Option<Root> {
        let (length, rest) = bytes.split_first_chunk::<NUMBER>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (layout, end) = Layout::of_start(rest)?;
        let (start, rest) = rest.split_at(end);
        let (firsts, none) = rest.as_chunks::<NUMBER>();
        let firsts = firsts.iter().map(|first| u64::from_be_bytes(*first)).collect();
        let root = Root { layout, start: start.to_vec(), length, firsts };
        let fits = none.is_empty() && root.layout.packs_at() <= length && root.layout.rows > 0;
        (fits && root.firsts.len() == root.layout.rows.div_ceil(root.rows_of_leaf())).then_some(root)
    }

    /// The first bytes of the payload, which are in no leaf.
    pub fn header(&self) -> &[u8] {
        &self.start[..HEADER] // it begins with a header
    }

    /// Bytes of the payload.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> usize {
        self.firsts.len() + (self.length - self.layout.packs_at()).div_ceil(LEAF) // not below 0, as `read` checked
    }

    /// Which bytes of the payload a leaf below [`Root::leaves`] has.
    pub fn leaf(&self, number: usize) -> Range<usize> {
        let (begin, end, length, number) = match number.checked_sub(self.firsts.len()) {
            None => (HEADER, self.layout.packs_at(), self.rows_of_leaf() * self.layout.row_size(), number),
            Some(number) => (self.layout.packs_at(), self.length, LEAF, number),
        };
        let start = end.min(begin + number * length);
        start..end.min(start + length)
    }

    /// The entry of a content, deleted or not. `read` gives the bytes of a leaf.
    ///
    /// # Errors
    /// Those of `read`. Corrupt: a leaf is not one of this root.
    pub fn get(&self, content: &ContentId, read: impl FnMut(usize) -> Result<Bytes>) -> Result<Option<Entry>> {
        let key = content.key();
        Ok(self.scan(key, |found| found == key, read)?.pop())
    }

    /// The entries of contents with this prefix letter, 0 for those without; sorted.
    ///
    /// # Errors
    /// As [`Root::get`].
    pub fn with_prefix(&self, prefix: u8, read: impl FnMut(usize) -> Result<Bytes>) -> Result<Vec<Entry>> {
        self.scan(&[prefix], |found| found.first() == Some(&prefix), read)
    }

    /// The entries from a key on, as long as they are wanted.
    fn scan(
        &self,
        from: &[u8],
        is_wanted: impl Fn(&[u8]) -> bool,
        mut read: impl FnMut(usize) -> Result<Bytes>,
    ) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        let probe = fence(from);
        let first = self.firsts.partition_point(|first| *first < probe).saturating_sub(1);
        for number in first..self.firsts.len() {
            let leaf = read(number)?;
            if leaf.len() != self.leaf(number).len() {
                return Err(damaged("a leaf has a wrong length"));
            }
            let rows: Vec<&[u8]> = leaf.chunks_exact(self.layout.row_size()).collect();
            for row in &rows[rows.partition_point(|row| self.layout.split(row).0 < from)..] {
                if !is_wanted(self.layout.split(row).0) {
                    return Ok(found);
                }
                found.push(self.entry(row, &mut read)?);
            }
        }
        Ok(found)
    }

    fn entry(&self, row: &[u8], read: &mut impl FnMut(usize) -> Result<Bytes>) -> Result<Entry> {
        let at = self.layout.packs_at() + self.layout.split(row).1.pack() * PACK_ROW;
        let pack = self.bytes(at..at + PACK_ROW, read)?;
        let (length, name_at) = (field(&pack, 0, 1).map_or(0, size), field(&pack, 1, 4).map_or(0, size));
        let name = self.bytes(name_at..name_at.saturating_add(length), read)?;
        let name = str::from_utf8(&name).map_err(|_| damaged("a pack has a name that is none"))?;
        let entry = self.layout.unchecked_row(row, name).and_then(|row| row.entry());
        entry.ok_or_else(|| damaged("an entry is none"))
    }

    /// Some bytes of what follows the rows.
    fn bytes(&self, range: Range<usize>, read: &mut impl FnMut(usize) -> Result<Bytes>) -> Result<Vec<u8>> {
        let packs_at = self.layout.packs_at();
        if range.start < packs_at || range.end > self.length {
            return Err(damaged("it leads out of itself"));
        }
        let mut bytes = Vec::with_capacity(range.len());
        while bytes.len() < range.len() {
            let at = range.start + bytes.len();
            let number = self.firsts.len() + (at - packs_at) / LEAF;
            let (leaf, place) = (read(number)?, self.leaf(number));
            let end = place.end.min(range.end);
            let part = leaf.get(at - place.start..end - place.start).filter(|part| !part.is_empty());
            bytes.extend_from_slice(part.ok_or_else(|| damaged("a leaf has a wrong length"))?);
        }
        Ok(bytes)
    }

    fn rows_of_leaf(&self) -> usize {
        LEAF / self.layout.row_size() // a row has less than 64 bytes
    }
}

fn damaged(reason: &'static str) -> Error {
    Error::corrupt("an index in leaves", reason)
}
