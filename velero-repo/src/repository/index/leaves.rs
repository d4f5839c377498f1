//! A large index payload in leaves, so that one entry is found without the rest.
//!
//! ```text
//! root   length of the payload (8) | its header (17) | its formats (6 each)
//!        | first 8 bytes of the first key of each leaf of rows
//! leaf   up to 64 KiB of the payload after its header: first those of whole rows, then those of what follows the rows
//! ```
//!
//! Comes in: a [`Table`], which has been checked; or the first bytes of a payload, which have not. Goes out: its [`Root`],
//! which says where leaves begin and end, and finds entries in them through a function that reads a leaf. What is read is
//! not checked row by row: whoever keeps leaves keeps them sealed, and whoever does not has to doubt what they say. It is
//! refused where it can not be, without a panic.

use std::ops::Range;

use bytes::Bytes;

use super::payload::{self, HEADER, Layout, PACK_ROW, fence, field, share, size};
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
    /// The first bytes of the first key of each leaf of rows; empty where they are not known.
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
        let (root, end) = Self::new(rest, length)?;
        let (firsts, none) = rest[end..].as_chunks::<NUMBER>(); // it ends within
        let firsts: Vec<_> = firsts.iter().map(|first| u64::from_be_bytes(*first)).collect();
        (none.is_empty() && firsts.len() == root.row_leaves()).then_some(Root { firsts, ..root })
    }

    /// The root, without the first keys, of a payload that begins so; and where the beginning ends.
    fn new(start: &[u8], length: usize) -> Option<(Root, usize)> {
        let (layout, end) = Layout::of_start(start)?;
        let fits = layout.packs_at() <= length && layout.rows > 0;
        fits.then(|| (Root { layout, start: start[..end].to_vec(), length, firsts: Vec::new() }, end)) // within
    }

    /// Bytes of the header, which says where the formats lie: [`Root::formats_of`].
    pub const HEADER: usize = HEADER;

    /// Where in a payload of version 2 its formats lie.
    ///
    /// # Errors
    /// Corrupt: the header is none, or one of another version.
    pub fn formats_of(header: &[u8]) -> Result<Range<usize>> {
        let known = header.first() == Some(&payload::VERSION);
        Layout::formats_of(header).filter(|_| known).ok_or_else(|| damaged("its header is none"))
    }

    /// The root of a payload of this length, from its header and formats alone. Where its keys lie has to be searched.
    ///
    /// # Errors
    /// Corrupt: no payload begins so.
    pub fn of_start(start: &[u8], length: usize) -> Result<Root> {
        Self::new(start, length).map(|(root, _)| root).ok_or_else(|| damaged("it begins with something else"))
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
        self.row_leaves() + (self.length - self.layout.packs_at()).div_ceil(LEAF) // not below 0, as `new` checked
    }

    /// Which bytes of the payload a leaf below [`Root::leaves`] has.
    pub fn leaf(&self, number: usize) -> Range<usize> {
        let (begin, end, length, number) = match number.checked_sub(self.row_leaves()) {
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
        Ok(self.scan(key, |found| found == key, 1, read)?.pop())
    }

    /// The entries of contents with this prefix letter, 0 for those without; sorted, and at most so many.
    ///
    /// # Errors
    /// As [`Root::get`]. Corrupt: there are more.
    pub fn with_prefix(&self, prefix: u8, most: usize, read: impl FnMut(usize) -> Result<Bytes>) -> Result<Vec<Entry>> {
        self.scan(&[prefix], |found| found.first() == Some(&prefix), most, read)
    }

    /// The entries from a key on, as long as they are wanted.
    fn scan(
        &self,
        from: &[u8],
        is_wanted: impl Fn(&[u8]) -> bool,
        most: usize,
        mut read: impl FnMut(usize) -> Result<Bytes>,
    ) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        for number in self.first_leaf(from, &mut read)?..self.row_leaves() {
            let leaf = self.whole(number, &mut read)?;
            let rows: Vec<&[u8]> = leaf.chunks_exact(self.layout.row_size()).collect();
            for row in &rows[rows.partition_point(|row| self.layout.split(row).0 < from)..] {
                if !is_wanted(self.layout.split(row).0) {
                    return Ok(found);
                }
                if found.len() == most {
                    return Err(damaged("it has more such entries than were asked for"));
                }
                found.push(self.entry(row, &mut read)?);
            }
        }
        Ok(found)
    }

    /// The leaf in which the first row from a key on lies, if it lies anywhere, or the one before it.
    fn first_leaf(&self, from: &[u8], read: &mut impl FnMut(usize) -> Result<Bytes>) -> Result<usize> {
        let probe = fence(from);
        match self.firsts.is_empty() {
            true => self.search(from, read),
            false => Ok(self.firsts.partition_point(|first| *first < probe).saturating_sub(1)),
        }
    }

    /// The same by looking at leaves. Keys without prefix, which are nearly all, are spread evenly; all others follow them.
    fn search(&self, from: &[u8], read: &mut impl FnMut(usize) -> Result<Bytes>) -> Result<usize> {
        let (mut low, mut high, mut step) = (0, self.row_leaves(), 1);
        let mut guess = match from.first() {
            Some(0) => share(fence(from) << 8, high),
            _ => high - 1, // there is a row
        };
        while low < high {
            let leaf = self.whole(guess, read)?;
            let key = |row: Option<&[u8]>| row.map(|row| self.layout.split(row).0.to_vec());
            let mut rows = leaf.chunks_exact(self.layout.row_size());
            let (first, last) = (key(rows.next()), key(leaf.rchunks_exact(self.layout.row_size()).next()));
            guess = if first.is_some_and(|first| from < &first[..]) {
                high = guess;
                high.wrapping_sub(step)
            } else if last.is_some_and(|last| from > &last[..]) {
                low = guess + 1;
                low.saturating_add(step - 1)
            } else {
                return Ok(guess);
            };
            step = step.saturating_mul(2);
            if !(low..high).contains(&guess) {
                guess = low.midpoint(high);
            }
        }
        Ok(low.min(self.row_leaves() - 1)) // there is a row
    }

    fn whole(&self, number: usize, read: &mut impl FnMut(usize) -> Result<Bytes>) -> Result<Bytes> {
        let leaf = read(number)?;
        match leaf.len() == self.leaf(number).len() {
            true => Ok(leaf),
            false => Err(damaged("a leaf has a wrong length")),
        }
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
            let number = self.row_leaves() + (at - packs_at) / LEAF;
            let (leaf, place) = (read(number)?, self.leaf(number));
            let end = place.end.min(range.end);
            let part = leaf.get(at - place.start..end - place.start).filter(|part| !part.is_empty());
            bytes.extend_from_slice(part.ok_or_else(|| damaged("a leaf has a wrong length"))?);
        }
        Ok(bytes)
    }

    /// How many leaves have rows.
    fn row_leaves(&self) -> usize {
        self.layout.rows.div_ceil(self.rows_of_leaf())
    }

    fn rows_of_leaf(&self) -> usize {
        LEAF / self.layout.row_size() // a row has less than 64 bytes
    }
}

fn damaged(reason: &'static str) -> Error {
    Error::corrupt("an index in leaves", reason)
}
