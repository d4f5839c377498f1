//! Payloads are written: two passes over sorted rows, the first counts, the second writes.

use std::collections::HashMap;
use std::hash::Hash;

use super::payload::{DELETED, FORMAT_ROW, HEADER, OFFSET_LIMIT, PACK_ROW, SHORTEST_VALUE, VERSION};
use super::{Entry, Format, Row, v1};
use crate::repository::content::LONGEST_HASH;
use crate::repository::name::shard_of;
use crate::{Error, Result};

const LENGTH_LIMIT: u32 = 1 << 28;
const PACK_LIMIT: usize = 1 << 24;
const FORMAT_LIMIT: usize = 255;

/// Writes an index payload, byte for byte as Kopia would. Sorts the entries, and keeps of those for one content the one
/// that counts. `trailing` bytes are appended: 32 random ones in the index of a pack, none in an index blob.
///
/// # Errors
/// If the version is unknown, or an entry does not fit it: version 1 knows no compression, version 2 no empty index, no
/// offset of 2^30, no length of 2^28, no time after 2106; neither knows hashes of different lengths.
pub fn encode(version: u8, entries: &mut Vec<Entry>, trailing: &[u8]) -> Result<Vec<u8>> {
    let order = |a: &Entry, b: &Entry| a.content.cmp(&b.content).then_with(|| b.row().precedence(&a.row()));
    entries.sort_unstable_by(order);
    entries.dedup_by(|later, kept| later.content == kept.content);
    encode_rows(version, entries.iter().map(Entry::row), trailing)
}

/// As [`encode`], of rows that are sorted and without repetitions; they are walked through twice, and not kept.
///
/// # Errors
/// As [`encode`], and if the rows are not in order.
pub fn encode_rows<'a>(version: u8, rows: impl Iterator<Item = Row<'a>> + Clone, trailing: &[u8]) -> Result<Vec<u8>> {
    let payload = match version {
        v1::VERSION => encode_v1(rows, trailing),
        VERSION => encode_v2(rows, trailing),
        _ => Err("the version is unknown"),
    };
    payload.map_err(|reason| Error::invalid(format!("writing an index of version {version}"), reason))
}

/// Splits `total` rows into as many payloads as `shards` says, by content; each is made when it is asked for.
///
/// # Errors
/// As [`encode_rows`].
pub fn encode_shards<'a>(
    version: u8,
    rows: impl Iterator<Item = Row<'a>> + Clone,
    shards: usize,
) -> impl Iterator<Item = Result<Vec<u8>>> {
    (0..shards).map(move |shard| {
        let all = shards == 1;
        encode_rows(version, rows.clone().filter(move |row| all || shard_of(row.key, shards) == shard), &[])
    })
}

/// Values in the order of their first appearance.
struct Numbered<T> {
    numbers: HashMap<T, usize>,
    list: Vec<T>,
}

impl<T: Copy + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Numbered { numbers: HashMap::new(), list: Vec::new() }
    }

    /// The number of a value; the last one used is found without hashing.
    fn of(&mut self, value: T, last: usize) -> usize {
        if self.list.get(last) == Some(&value) {
            return last;
        }
        *self.numbers.entry(value).or_insert_with(|| {
            self.list.push(value);
            self.list.len() - 1
        })
    }
}

/// What the first pass finds.
struct Census<'a> {
    rows: usize,
    key: usize,
    long: bool,
    packs: Numbered<&'a str>,
    formats: Numbered<Format>,
}

impl<'a> Census<'a> {
    fn take(rows: impl Iterator<Item = Row<'a>>) -> Result<Self, &'static str> {
        let mut census = Census { rows: 0, key: 0, long: false, packs: Numbered::new(), formats: Numbered::new() };
        let (mut last, mut pack): (&[u8], usize) = (&[], 0);
        for row in rows {
            if census.rows == 0 {
                census.key = row.key.len();
            } else if row.key.len() != census.key {
                return Err("hashes differ in length");
            } else if row.key <= last {
                return Err("entries are not in order");
            }
            last = row.key;
            census.rows += 1;
            census.long |= row.original_length.max(row.packed_length) >= 1 << 24;
            pack = census.packs.of(row.pack, pack);
            census.formats.of(row.format, 0);
        }
        if census.rows > 0 && !(2..=1 + LONGEST_HASH).contains(&census.key) {
            return Err("a hash is empty or too long");
        }
        Ok(census)
    }

    fn names_length(&self) -> usize {
        self.packs.list.iter().map(|name| name.len()).sum()
    }
}

fn encode_v1<'a>(rows: impl Iterator<Item = Row<'a>> + Clone, trailing: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut census = Census::take(rows.clone())?;
    let names_at = v1::HEADER + census.rows * (census.key + v1::VALUE);
    let mut out = Vec::with_capacity(names_at + census.names_length() + trailing.len());
    let key = if census.rows == 0 { v1::NO_KEY } else { byte(census.key) };
    out.extend_from_slice(&[v1::VERSION, key, 0, byte(v1::VALUE)]);
    out.extend_from_slice(&word(census.rows)?.to_be_bytes());
    let places = name_places(&census.packs.list, names_at)?;
    let mut pack = 0;
    for row in rows {
        pack = census.packs.of(row.pack, pack);
        v1::write_row(&row, places[pack], &mut out)?; // the census has numbered every pack
    }
    write_names(&census.packs.list, trailing, &mut out);
    Ok(out)
}

fn encode_v2<'a>(rows: impl Iterator<Item = Row<'a>> + Clone, trailing: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut census = Census::take(rows.clone())?;
    let (packs, formats) = (census.packs.list.len(), census.formats.list.len());
    if census.rows == 0 {
        return Err("there is no entry");
    }
    if packs > PACK_LIMIT || formats > FORMAT_LIMIT {
        return Err("there are too many packs or formats");
    }
    let value = match (census.long, packs > 1 << 16, formats > 1) {
        (true, _, _) => SHORTEST_VALUE + 3,
        (_, true, _) => SHORTEST_VALUE + 2,
        (_, _, true) => SHORTEST_VALUE + 1,
        _ => SHORTEST_VALUE,
    };
    let names_at = HEADER + census.rows * (census.key + value) + packs * PACK_ROW + formats * FORMAT_ROW;
    let mut out = Vec::with_capacity(names_at + census.names_length() + trailing.len());
    out.extend_from_slice(&[VERSION, byte(census.key), 0, byte(value)]);
    out.extend_from_slice(&word(census.rows)?.to_be_bytes());
    out.extend_from_slice(&word(packs)?.to_be_bytes());
    out.push(byte(formats));
    out.extend_from_slice(&[0; 4]); // base of the times
    let (mut pack, mut format) = (0, 0);
    for row in rows {
        pack = census.packs.of(row.pack, pack);
        format = census.formats.of(row.format, format);
        write_row(&row, word(pack)?, byte(format), value, &mut out)?;
    }
    let places = name_places(&census.packs.list, names_at)?;
    for (name, place) in census.packs.list.iter().zip(places) {
        out.push(u8::try_from(name.len()).map_err(|_| "a pack name is longer than 255 bytes")?);
        out.extend_from_slice(&place.to_be_bytes());
    }
    for format in &census.formats.list {
        out.extend_from_slice(&format.compression.to_be_bytes());
        out.extend_from_slice(&[format.version, format.key_id]);
    }
    write_names(&census.packs.list, trailing, &mut out);
    Ok(out)
}

fn write_row(row: &Row<'_>, pack: u32, format: u8, value: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if row.offset >= OFFSET_LIMIT {
        return Err("an offset exceeds 30 bits");
    }
    if row.original_length.max(row.packed_length) >= LENGTH_LIMIT {
        return Err("a length exceeds 28 bits");
    }
    let time = u32::try_from(row.timestamp).map_err(|_| "a time does not fit into 32 bits")?;
    let [_, pack_high, pack_low @ ..] = pack.to_be_bytes();
    let [original_high, original_low @ ..] = row.original_length.to_be_bytes();
    let [packed_high, packed_low @ ..] = row.packed_length.to_be_bytes();
    let optional = [format, pack_high, original_high << 4 | packed_high];
    out.extend_from_slice(row.key);
    out.extend_from_slice(&time.to_be_bytes());
    out.extend_from_slice(&(row.offset | if row.deleted { DELETED } else { 0 }).to_be_bytes());
    out.extend_from_slice(&original_low);
    out.extend_from_slice(&packed_low);
    out.extend_from_slice(&pack_low);
    out.extend_from_slice(&optional[..value - SHORTEST_VALUE]); // 0 to 3
    Ok(())
}

fn name_places(names: &[&str], start: usize) -> Result<Vec<u32>, &'static str> {
    let mut next = start;
    let place = |name: &&str| {
        let at = next;
        next += name.len();
        word(at)
    };
    names.iter().map(place).collect()
}

fn write_names(names: &[&str], trailing: &[u8], out: &mut Vec<u8>) {
    names.iter().for_each(|name| out.extend_from_slice(name.as_bytes()));
    out.extend_from_slice(trailing);
}

/// Callers have checked that the number is below 256.
fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn word(number: usize) -> Result<u32, &'static str> {
    u32::try_from(number).map_err(|_| "it exceeds 4 GiB")
}
