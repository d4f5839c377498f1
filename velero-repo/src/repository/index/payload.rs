//! The layout of a version 2 payload, and its validation.

use std::ops::Range;
use std::str;

use super::{Format, Row};
use crate::repository::content::{ContentId, LONGEST_HASH};
use crate::repository::name::BlobId;

pub(super) const VERSION: u8 = 2;
pub(super) const HEADER: usize = 17;
pub(super) const PACK_ROW: usize = 5;
pub(super) const FORMAT_ROW: usize = 6;
pub(super) const SHORTEST_VALUE: usize = 16;
pub(super) const LONGEST_VALUE: usize = 19;
pub(super) const DELETED: u32 = 1 << 31;
/// No content begins at or after this offset; bit 30 is reserved.
pub(super) const OFFSET_LIMIT: u32 = 1 << 30;

/// Where the sections of a payload lie. What it says has been checked, so that the methods below cannot fail on the
/// payload it was read from.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub key: usize,
    pub value: usize,
    pub rows: usize,
    pub packs: usize,
    /// Whether any row is a tombstone.
    pub has_tombstones: bool,
    packs_at: usize,
    formats: Vec<Format>,
    base: u32,
}

/// Reads a big-endian number of at most four bytes.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// A field at a place that may lie outside.
pub(super) fn field(payload: &[u8], at: usize, size: usize) -> Option<u32> {
    payload.get(at..at.checked_add(size)?).map(number)
}

/// Lengths of memory are at least 32 bits wide on all platforms of this crate.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The first eight bytes of a key, as a number that orders like them.
pub(super) fn fence(key: &[u8]) -> u64 {
    let padded = || {
        let mut head = [0; 8];
        head.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        head
    };
    u64::from_be_bytes(key.first_chunk().copied().unwrap_or_else(padded))
}

/// The same share of `whole` as `part` is of all numbers of 64 bits.
pub(super) fn share(part: u64, whole: usize) -> usize {
    ((u128::from(part) * whole as u128) >> 64) as usize // less than `whole`
}

impl Layout {
    /// Reads and checks a payload: the sections, every format, every pack name, every row.
    pub fn read(payload: &[u8]) -> Result<Self, &'static str> {
        let (mut layout, formats) = Self::header(payload).ok_or("its header is cut off")?;
        if !layout.has_possible_rows() {
            return Err("its entries have an impossible size");
        }
        layout.sections(payload, formats).ok_or("its sections exceed the payload")?;
        for pack in 0..layout.packs {
            layout.checked_pack(payload, pack).ok_or("a pack name is not valid")?;
        }
        layout.check_rows(payload)?;
        Ok(layout)
    }

    fn header(payload: &[u8]) -> Option<(Self, usize)> {
        let at = |at, length| field(payload, at, length);
        let layout = Layout {
            key: size(at(1, 1)?),
            value: size(at(2, 2)?),
            rows: size(at(4, 4)?),
            packs: size(at(8, 4)?),
            base: at(13, 4)?,
            ..Layout::default()
        };
        Some((layout, size(at(12, 1)?)))
    }

    fn has_possible_rows(&self) -> bool {
        (2..=1 + LONGEST_HASH).contains(&self.key) && (SHORTEST_VALUE..=LONGEST_VALUE).contains(&self.value)
    }

    /// Puts the packs behind the rows.
    fn place_packs(&mut self) -> Option<()> {
        self.packs_at = self.rows.checked_mul(self.row_size())?.checked_add(HEADER)?;
        Some(())
    }

    fn sections(&mut self, payload: &[u8], formats: usize) -> Option<()> {
        self.place_packs()?;
        let formats_at = self.packs.checked_mul(PACK_ROW)?.checked_add(self.packs_at)?;
        let end = formats.checked_mul(FORMAT_ROW)?.checked_add(formats_at)?;
        self.take_formats(payload.get(formats_at..end)?);
        Some(())
    }

    fn take_formats(&mut self, table: &[u8]) {
        let format = |row: &[u8]| Format { compression: number(&row[..4]), version: row[4], key_id: row[5] };
        self.formats = table.chunks_exact(FORMAT_ROW).map(format).collect(); // rows of six bytes
    }

    /// The layout of a payload of which only the first bytes are here, and its formats right after them; with the bytes
    /// of both. No row is checked.
    pub fn of_start(start: &[u8]) -> Option<(Self, usize)> {
        let (mut layout, formats) = Self::header(start).filter(|(layout, _)| layout.has_possible_rows())?;
        layout.place_packs()?;
        let end = HEADER + formats * FORMAT_ROW; // their number has one byte
        layout.take_formats(start.get(HEADER..end)?);
        Some((layout, end))
    }

    /// Where in a payload its formats lie, of which only the header is here.
    pub fn formats_of(header: &[u8]) -> Option<Range<usize>> {
        let (mut layout, formats) = Self::header(header).filter(|(layout, _)| layout.has_possible_rows())?;
        layout.place_packs()?;
        let start = layout.packs.checked_mul(PACK_ROW)?.checked_add(layout.packs_at)?;
        Some(start..start.checked_add(formats * FORMAT_ROW)?) // their number has one byte
    }

    /// The first bytes of a payload with its formats, as [`Layout::of_start`] takes them.
    pub fn start(&self, payload: &[u8]) -> Vec<u8> {
        let formats_at = self.packs_at + self.packs * PACK_ROW;
        // Both lie in the payload, as `sections` checked.
        [&payload[..HEADER], &payload[formats_at..formats_at + self.formats.len() * FORMAT_ROW]].concat()
    }

    /// Bytes of a row.
    pub fn row_size(&self) -> usize {
        self.key + self.value
    }

    /// Where in the payload the rows end and the packs begin.
    pub fn packs_at(&self) -> usize {
        self.packs_at
    }

    fn checked_pack<'a>(&self, payload: &'a [u8], pack: usize) -> Option<&'a str> {
        let at = self.packs_at + pack * PACK_ROW;
        let name_at = size(field(payload, at + 1, 4)?);
        let name = payload.get(name_at..name_at.checked_add(size(field(payload, at, 1)?))?)?;
        str::from_utf8(name).ok().filter(|name| BlobId::is_valid(name))
    }

    fn check_rows(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let (mut last, mut has_tombstones): ((u64, &[u8]), _) = ((0, &[]), false);
        for row in 0..self.rows {
            let (key, value) = self.halves(payload, row);
            let place = (fence(key), key); // ordered like the key, and nearly always by the number
            if place <= last {
                return Err("its entries are not in order");
            }
            if ContentId::of_key(key).is_none() {
                return Err("an entry has an impossible key");
            }
            if value.offset() >= OFFSET_LIMIT {
                return Err("an offset exceeds 30 bits");
            }
            if value.pack() >= self.packs || value.format() >= self.formats.len() {
                return Err("an entry names a pack or format that is not there");
            }
            if self.base.checked_add(value.timestamp()).is_none() {
                return Err("an entry is dated after the year 2106");
            }
            has_tombstones |= value.is_deleted();
            last = place;
        }
        self.has_tombstones = has_tombstones;
        Ok(())
    }

    fn halves<'a>(&self, payload: &'a [u8], row: usize) -> (&'a [u8], Value<'a>) {
        let at = HEADER + row * self.row_size();
        // All rows lie in the payload, as `sections` checked.
        self.split(&payload[at..at + self.row_size()])
    }

    /// Key and value of [`Layout::row_size`] bytes.
    pub fn split<'a>(&self, row: &'a [u8]) -> (&'a [u8], Value<'a>) {
        let (key, value) = row.split_at(self.key);
        (key, Value(value))
    }

    /// Where in the payload the key of a row ends; of a row above `rows`, it may lie outside.
    pub fn row_end(&self, row: usize) -> usize {
        HEADER + row * self.row_size() + self.key
    }

    /// The key of a row below `rows`.
    pub fn row_key<'a>(&self, payload: &'a [u8], row: usize) -> &'a [u8] {
        self.halves(payload, row).0
    }

    /// A row below `rows`.
    pub fn row<'a>(&self, payload: &'a [u8], row: usize) -> Row<'a> {
        let (key, value) = self.halves(payload, row);
        let format = self.formats[value.format()]; // checked for every row
        self.compose(key, &value, self.pack(payload, value.pack()), format)
    }

    /// A row that has not been checked, with the name of its pack; none if it names a format that is not there.
    pub fn unchecked_row<'a>(&self, row: &'a [u8], pack: &'a str) -> Option<Row<'a>> {
        let (key, value) = self.split(row);
        self.base.checked_add(value.timestamp())?;
        Some(self.compose(key, &value, pack, *self.formats.get(value.format())?))
    }

    #[inline]
    fn compose<'a>(&self, key: &'a [u8], value: &Value<'a>, pack: &'a str, format: Format) -> Row<'a> {
        Row {
            key,
            pack,
            offset: value.offset(),
            packed_length: value.packed_length(),
            original_length: value.original_length(),
            timestamp: i64::from(self.base + value.timestamp()), // checked for every row
            deleted: value.is_deleted(),
            format,
        }
    }

    /// Time of a row below `rows`, in Unix seconds, and whether it is not deleted.
    pub fn row_rank(&self, payload: &[u8], row: usize) -> (i64, bool) {
        let (_, value) = self.halves(payload, row);
        (i64::from(self.base + value.timestamp()), !value.is_deleted())
    }

    /// Number of the pack of a row below `rows`.
    pub fn row_pack(&self, payload: &[u8], row: usize) -> usize {
        self.halves(payload, row).1.pack()
    }

    /// How many bytes each pack must have for the rows that lie in it.
    pub fn pack_ends(&self, payload: &[u8]) -> Vec<u64> {
        let mut ends = vec![0; self.packs];
        for row in 0..self.rows {
            let (_, value) = self.halves(payload, row);
            let end = &mut ends[value.pack()]; // checked for every row
            *end = (*end).max(u64::from(value.offset()) + u64::from(value.packed_length()));
        }
        ends
    }

    /// Whether a row below `rows` is a tombstone.
    pub fn row_is_deleted(&self, payload: &[u8], row: usize) -> bool {
        self.halves(payload, row).1.is_deleted()
    }

    /// Name of a pack below `packs`.
    pub fn pack<'a>(&self, payload: &'a [u8], pack: usize) -> &'a str {
        self.checked_pack(payload, pack).unwrap_or_default() // checked for every pack
    }
}

/// What follows a key: 16 to 19 bytes.
pub(super) struct Value<'a>(&'a [u8]);

impl Value<'_> {
    fn timestamp(&self) -> u32 {
        number(&self.0[..4])
    }

    fn offset(&self) -> u32 {
        number(&self.0[4..8]) & !DELETED // a value has at least 16 bytes
    }

    fn is_deleted(&self) -> bool {
        self.0[4] >> 7 == 1
    }

    fn optional(&self, at: usize) -> u32 {
        self.0.get(at).copied().map_or(0, u32::from)
    }

    fn original_length(&self) -> u32 {
        number(&self.0[8..11]) | (self.optional(18) >> 4) << 24
    }

    fn packed_length(&self) -> u32 {
        number(&self.0[11..14]) | (self.optional(18) & 15) << 24
    }

    pub fn pack(&self) -> usize {
        size(number(&self.0[14..16]) | self.optional(17) << 16)
    }

    fn format(&self) -> usize {
        size(self.optional(16))
    }
}
