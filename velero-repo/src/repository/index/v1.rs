//! Version 1 payloads: read into the shape of version 2, written as they are.

use super::payload::{DELETED, field, number, size};
use super::{Format, Row};
use crate::repository::content::{ContentId, LONGEST_HASH};
use crate::repository::name::BlobId;

pub(super) const VERSION: u8 = 1;
pub(super) const HEADER: usize = 8;
pub(super) const VALUE: usize = 20;
/// Key size of an index without entries.
pub(super) const NO_KEY: u8 = 0xff;

/// A version 1 payload whose rows have all been checked.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    payload: &'a [u8],
    key: usize,
    count: usize,
    overhead: u32,
}

impl<'a> Rows<'a> {
    /// Reads and checks a payload; `overhead` is what encryption adds to a content.
    pub fn read(payload: &'a [u8], overhead: u32) -> Result<Self, &'static str> {
        let header = |at, length| field(payload, at, length).map(size).ok_or("its header is cut off");
        let (key, value, count) = (header(1, 1)?, header(2, 2)?, header(4, 4)?);
        let rows = Rows { payload, key, count, overhead };
        if count == 0 {
            return Ok(rows);
        }
        if !(2..=1 + LONGEST_HASH).contains(&key) || value != VALUE {
            return Err("its entries have an impossible size");
        }
        let end = count.checked_mul(key + VALUE).and_then(|length| length.checked_add(HEADER));
        if end.is_none_or(|end| end > payload.len()) {
            return Err("its entries exceed the payload");
        }
        let mut last: &[u8] = &[];
        for index in 0..count {
            let row = rows.row(index).ok_or("an entry is not valid")?;
            if row.key <= last {
                return Err("its entries are not in order");
            }
            last = row.key;
        }
        Ok(rows)
    }

    fn row(&self, index: usize) -> Option<Row<'a>> {
        let at = HEADER + index * (self.key + VALUE);
        let key = self.payload.get(at..at + self.key)?;
        let value = self.payload.get(at + self.key..at + self.key + VALUE)?;
        ContentId::of_key(key)?;
        let name_at = size(number(value.get(8..12)?));
        let name = self.payload.get(name_at..name_at.checked_add(usize::from(value[7]))?)?; // 20 bytes
        let word = number(&value[12..16]);
        let packed_length = number(&value[16..20]);
        Some(Row {
            key,
            pack: str::from_utf8(name).ok().filter(|name| BlobId::is_valid(name))?,
            offset: word & !DELETED,
            packed_length,
            original_length: packed_length.saturating_sub(self.overhead),
            timestamp: i64::from(number(&value[..2])) << 32 | i64::from(number(&value[2..6])),
            deleted: word & DELETED != 0,
            format: Format { compression: 0, version: value[6], key_id: 0 },
        })
    }

    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// All rows, in order.
    pub fn iter(self) -> impl Iterator<Item = Row<'a>> + Clone {
        (0..self.count).filter_map(move |index| self.row(index)) // none is left out: `read` has seen them all
    }
}

/// Appends one row; the pack name lies at `name_at` of the finished payload.
pub(super) fn write_row(row: &Row<'_>, name_at: u32, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if row.format.compression != 0 || row.format.key_id != 0 {
        return Err("version 1 cannot tell how a content is compressed");
    }
    let seconds = u64::try_from(row.timestamp).ok().filter(|seconds| seconds >> 48 == 0);
    let name = u8::try_from(row.pack.len()).map_err(|_| "a pack name is longer than 255 bytes")?;
    if row.offset & DELETED != 0 {
        return Err("an offset exceeds 31 bits");
    }
    out.extend_from_slice(row.key);
    out.extend_from_slice(&seconds.ok_or("a time exceeds 48 bits")?.to_be_bytes()[2..]);
    out.extend_from_slice(&[row.format.version, name]);
    out.extend_from_slice(&name_at.to_be_bytes());
    out.extend_from_slice(&(row.offset | if row.deleted { DELETED } else { 0 }).to_be_bytes());
    out.extend_from_slice(&row.packed_length.to_be_bytes());
    Ok(())
}
