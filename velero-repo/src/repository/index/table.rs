//! One validated index payload, and the search in it.
//!
//! Keys are hashes, so those of one prefix are spread evenly, and where a key lies is nearly known before the first look
//! at the payload. A search begins there and goes on in steps that double, so that keys which somebody has chosen cost
//! no more than a binary search does, and all others a few looks close together.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::payload::{self, Layout, fence, share};
use super::{Entry, Merged, PACKED_OVERHEAD, Row, encode_rows, open_sealed_blob, v1};
use crate::repository::content::ContentId;
use crate::repository::name::BlobId;
use crate::repository::seal::Seal;
use crate::{Error, Result};

/// Every so many rows the first bytes of a key are kept apart, where a search finds them in the processor's cache.
const FENCE: usize = 16;
/// Bytes that memory brings at once. A key lies as far from where it is guessed to be, at most times.
const LINE: usize = 64;

/// An index payload that has been checked: entries sorted by content, answers by binary search. Takes what the payload
/// takes and half a byte for each entry more.
#[derive(Clone, Debug, Default)]
pub struct Table {
    payload: Bytes,
    layout: Layout,
    fences: Vec<u64>,
    /// How many of the first fences belong to keys without prefix, which are nearly all.
    data: usize,
}

impl Table {
    /// Reads and checks a payload of version 1 or 2. `v1_overhead` is what encryption adds to a content, in bytes.
    ///
    /// # Errors
    /// If the payload is damaged.
    pub fn parse(payload: Bytes, v1_overhead: u32) -> Result<Self> {
        Self::read(payload, v1_overhead).map_err(|reason| Error::corrupt("an index", reason))
    }

    /// Decrypts, reads and checks an index blob.
    ///
    /// # Errors
    /// If the blob is damaged or was written with another key; names the blob.
    pub fn load(seal: &Seal, id: &BlobId, sealed: &[u8]) -> Result<Self> {
        let payload = Bytes::from(open_sealed_blob(seal, id, sealed)?);
        Self::read(payload, PACKED_OVERHEAD).map_err(|reason| Error::corrupt(id.as_str(), reason))
    }

    fn read(payload: Bytes, v1_overhead: u32) -> Result<Self, Cow<'static, str>> {
        match payload.first() {
            Some(&v1::VERSION) => {
                let rows = v1::Rows::read(&payload, v1_overhead)?;
                if rows.is_empty() {
                    return Ok(Table::default());
                }
                let converted = encode_rows(payload::VERSION, rows.iter(), &[]).map_err(|error| error.to_string())?;
                Ok(Self::of_version_2(converted.into())?)
            }
            Some(&payload::VERSION) => Ok(Self::of_version_2(payload)?),
            Some(version) => Err(format!("index version {version} is unknown").into()),
            None => Err("it is empty".into()),
        }
    }

    fn of_version_2(payload: Bytes) -> Result<Self, &'static str> {
        let layout = Layout::read(&payload)?;
        let of_row = |row| fence(layout.row_key(&payload, row));
        let fences: Vec<_> = (0..layout.rows).step_by(FENCE).map(of_row).collect();
        let data = fences.partition_point(|fence| fence >> 56 == 0);
        Ok(Table { payload, layout, fences, data })
    }

    /// Merges tables into one; for each content the entry that counts is kept, deleted or not.
    ///
    /// # Errors
    /// If the result would exceed 4 GiB, or the tables hold hashes of different lengths.
    pub fn merge<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Result<Self> {
        let rows = Merged::new(tables);
        if rows.clone().next().is_none() {
            return Ok(Table::default());
        }
        Self::parse(encode_rows(payload::VERSION, rows, &[])?.into(), PACKED_OVERHEAD)
    }

    /// The payload, of version 2. That of a table without entries may be empty.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.layout.rows
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.payload.len() + size_of_val(self.fences.as_slice()) + size_of::<Self>()
    }

    /// The entry of a content, deleted or not.
    pub fn get(&self, content: &ContentId) -> Option<Entry> {
        self.row(self.ordinal(content)?).entry()
    }

    /// The place of a content's entry in the order of the table.
    pub fn ordinal(&self, content: &ContentId) -> Option<usize> {
        Some(self.lower_bound(content.key())).filter(|at| self.has_at(*at, content))
    }

    /// All entries, sorted by content.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.rows().filter_map(|row| row.entry()) // none is left out: rows of a table are valid
    }

    /// The entries of contents with this prefix letter, 0 for those without; sorted.
    pub fn with_prefix(&self, prefix: u8) -> impl Iterator<Item = Entry> + '_ {
        self.prefix_range(prefix).filter_map(|at| self.row(at).entry())
    }

    /// All rows, sorted by content.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> + Clone + '_ {
        (0..self.len()).map(|at| self.row(at))
    }

    /// The row at a place below [`Table::len`].
    pub(super) fn row(&self, at: usize) -> Row<'_> {
        self.layout.row(&self.payload, at)
    }

    /// The key at a place below [`Table::len`].
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.layout.row_key(&self.payload, at)
    }

    /// The number, within this table, of the pack of a row below [`Table::len`].
    pub(super) fn row_pack(&self, at: usize) -> usize {
        self.layout.row_pack(&self.payload, at)
    }

    /// Each pack, and how many bytes it must have for the entries that name it.
    pub(super) fn pack_ends(&self) -> impl Iterator<Item = (&str, u64)> {
        let ends = self.layout.pack_ends(&self.payload);
        ends.into_iter().enumerate().map(|(number, end)| (self.pack(number), end))
    }

    /// The places of tombstones, in the order of the table.
    pub(super) fn deleted(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = if self.has_tombstones() { 0..self.len() } else { 0..0 };
        rows.filter(|at| self.layout.row_is_deleted(&self.payload, *at))
    }

    /// How many packs the table names.
    pub(super) fn packs(&self) -> usize {
        self.layout.packs
    }

    /// The name of a pack below [`Table::packs`].
    pub(super) fn pack(&self, number: usize) -> &str {
        self.layout.pack(&self.payload, number)
    }

    /// Where the rows with a prefix letter lie.
    pub(super) fn prefix_range(&self, prefix: u8) -> Range<usize> {
        let end = prefix.checked_add(1).map_or(self.len(), |next| self.lower_bound(&[next]));
        self.lower_bound(&[prefix])..end
    }

    /// Time of a content's entry, in Unix seconds, and whether it is not deleted.
    pub(super) fn rank(&self, content: &ContentId) -> Option<(i64, bool)> {
        self.ordinal(content).map(|at| self.layout.row_rank(&self.payload, at))
    }

    /// Whether any entry is a tombstone.
    pub(super) fn has_tombstones(&self) -> bool {
        self.layout.has_tombstones
    }

    /// As [`Table::rank`], of many contents. All searches are begun before the first is ended: memory brings many rows
    /// in little more time than one.
    pub(super) fn ranks<'a>(
        &self,
        contents: impl Iterator<Item = &'a ContentId> + Clone,
    ) -> impl Iterator<Item = Option<(i64, bool)>> {
        let begin = |content: &ContentId| {
            let near = self.approach(content.key());
            let at = self.layout.row_end(near.guess);
            for place in [at.saturating_sub(LINE), at, at.saturating_add(LINE)] {
                std::hint::black_box(self.payload.get(place));
            }
            near
        };
        let begun: Vec<Near> = contents.clone().map(begin).collect();
        begun.into_iter().zip(contents).map(|(near, content)| {
            let at = self.settle(near, content.key());
            self.has_at(at, content).then(|| self.layout.row_rank(&self.payload, at))
        })
    }

    fn has_at(&self, at: usize, content: &ContentId) -> bool {
        at < self.len() && self.key(at) == content.key()
    }

    /// The first row whose key is not less.
    fn lower_bound(&self, key: &[u8]) -> usize {
        self.settle(self.approach(key), key)
    }

    /// The rows among which a key lies or would lie, as far as the fences tell.
    fn approach(&self, key: &[u8]) -> Near {
        let probe = fence(key);
        let guess = match probe >> 56 {
            0 => share(probe << 8, self.data),
            _ => self.data.midpoint(self.fences.len()),
        };
        let after = search(0..self.fences.len(), guess, |at| self.fences[at] < probe); // within the fences
        let mut end = after;
        if self.fences.get(after) == Some(&probe) {
            end += self.fences[after..].partition_point(|fence| *fence == probe); // found among them
        }
        let rows = after.saturating_sub(1) * FENCE..(end * FENCE).min(self.len());
        let guess = match (self.fences.get(after.wrapping_sub(1)), self.fences.get(after)) {
            (Some(below), Some(above)) => rows.start + share_between(probe, *below, *above),
            _ => rows.start.midpoint(rows.end),
        };
        Near { rows, guess }
    }

    fn settle(&self, near: Near, key: &[u8]) -> usize {
        let probe = fence(key);
        search(near.rows, near.guess, |at| match fence(self.key(at)) {
            head if head == probe => self.key(at) < key,
            head => head < probe,
        })
    }
}

/// Where a search has come to before the first look at the payload.
struct Near {
    rows: Range<usize>,
    /// Where among them the key is likely to be.
    guess: usize,
}

/// The first number of a range that is not less, near `guess` if that is a good one.
fn search(range: Range<usize>, guess: usize, is_less: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (guess.clamp(range.start, range.end), 1);
    let mut high = low;
    while low > range.start && !is_less(low - 1) {
        high = low - 1;
        low = high.saturating_sub(step).max(range.start);
        step *= 2;
    }
    while high < range.end && is_less(high) {
        low = high + 1;
        high = low.saturating_add(step).min(range.end);
        step *= 2;
    }
    while low < high {
        let middle = low.midpoint(high);
        match is_less(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

/// How many of the rows between two fences belong before `probe`, which lies between them, if they are spread evenly.
fn share_between(probe: u64, below: u64, above: u64) -> usize {
    let (part, whole) = (probe.saturating_sub(below), above.saturating_sub(below).max(1));
    (u128::from(part) * FENCE as u128 / u128::from(whole)) as usize // not above FENCE
}
