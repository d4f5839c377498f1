//! One validated index payload, and the search in it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::payload::{self, Layout};
use super::{Entry, Merged, PACKED_OVERHEAD, Row, encode_rows, open_sealed_blob, v1};
use crate::repository::content::ContentId;
use crate::repository::name::BlobId;
use crate::repository::seal::Seal;
use crate::{Error, Result};

/// Every so many rows the first bytes of a key are kept apart, where a search finds them in the processor's cache.
const FENCE: usize = 32;

/// An index payload that has been checked: entries sorted by content, answers by binary search. Takes what the payload
/// takes and a quarter of a byte for each entry more.
#[derive(Clone, Debug, Default)]
pub struct Table {
    payload: Bytes,
    layout: Layout,
    fences: Vec<u64>,
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
        let fences = (0..layout.rows).step_by(FENCE).map(|row| fence(layout.row_key(&payload, row))).collect();
        Ok(Table { payload, layout, fences })
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
        let at = self.lower_bound(content.key());
        (at < self.len() && self.key(at) == content.key()).then_some(at)
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

    /// The first row whose key is not less.
    fn lower_bound(&self, key: &[u8]) -> usize {
        let probe = fence(key);
        let mut low = self.fences.partition_point(|fence| *fence < probe).saturating_sub(1) * FENCE;
        let mut high = (self.fences.partition_point(|fence| *fence <= probe) * FENCE).min(self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The first eight bytes of a key, as a number that orders like them.
fn fence(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    head.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(head)
}
