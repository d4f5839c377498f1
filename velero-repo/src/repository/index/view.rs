//! Everything that is known about contents at one time: a few tables and the deletion watermark.

use std::cmp::Reverse;
use std::sync::Arc;

use super::merge::Found;
use super::{Entry, Merged, PackOrder, Packs, Row, Table};
use crate::Result;
use crate::repository::content::ContentId;

/// More tables than this are merged, the smallest first, up to a third of all at a time: a search asks at most so many, and
/// merging takes at most half of the memory more for a moment.
const TABLES: usize = 4;
/// A merged table stays below this many bytes; its format ends at 4 GiB.
const LARGEST: usize = 3 << 30;

/// A merged view of tables, cheap to clone. Tombstones up to the watermark hide their content for ever.
#[derive(Clone, Debug, Default)]
pub struct View {
    tables: Arc<[Arc<Table>]>,
    watermark: Option<i64>,
}

impl View {
    /// A view of these tables; `watermark` in Unix seconds.
    ///
    /// # Errors
    /// If tables hold hashes of different lengths.
    pub fn new(tables: impl IntoIterator<Item = Table>, watermark: Option<i64>) -> Result<Self> {
        View::default().with(tables, watermark)
    }

    /// This view with more tables, and the later one of both watermarks. Tables that a compaction has replaced may
    /// stay: what they say was carried over, or is older and loses.
    ///
    /// # Errors
    /// As [`View::new`].
    pub fn with(&self, tables: impl IntoIterator<Item = Table>, watermark: Option<i64>) -> Result<Self> {
        let more = tables.into_iter().filter(|table| !table.is_empty()).map(Arc::new);
        let tables = few(self.tables.iter().cloned().chain(more).collect())?;
        Ok(View { tables: tables.into(), watermark: self.watermark.max(watermark) })
    }

    /// This view with entries that have just been written.
    ///
    /// # Errors
    /// If an entry does not fit into an index.
    pub fn overlay(&self, mut entries: Vec<Entry>) -> Result<Self> {
        if entries.is_empty() {
            return Ok(self.clone());
        }
        let payload = super::encode(super::payload::VERSION, &mut entries, &[])?;
        self.with([Table::parse(payload.into(), super::PACKED_OVERHEAD)?], None)
    }

    /// The deletion watermark, in Unix seconds.
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// The tables, as they were merged.
    pub(super) fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.tables.iter().map(|table| table.memory()).sum()
    }

    /// The entry that counts for a content; deleted if it is a tombstone later than the watermark, which does not hide
    /// its content yet but must not be built upon.
    pub fn get(&self, content: &ContentId) -> Option<Entry> {
        self.find(content)?.1.entry()
    }

    /// As [`View::get`], where there are entries of the content besides those of the tables.
    pub fn get_among(&self, content: &ContentId, others: Vec<Entry>) -> Option<Entry> {
        let known = self.winner(content).map(|(_, row)| row);
        let all = known.into_iter().chain(others.iter().map(Entry::row));
        all.max_by(Row::precedence).filter(|row| !self.hides(row))?.entry()
    }

    /// As [`View::get`], borrowed and with the content's ordinal.
    pub fn find(&self, content: &ContentId) -> Option<(usize, Row<'_>)> {
        self.winner(content).filter(|(_, row)| !self.hides(row))
    }

    /// The entry that counts, hidden or not.
    fn winner(&self, content: &ContentId) -> Option<(usize, Row<'_>)> {
        let (mut start, mut winner) = (0, None::<(usize, Row<'_>)>);
        for table in self.tables.iter() {
            if let Some(at) = table.ordinal(content) {
                let row = table.row(at);
                if winner.is_none_or(|(_, best)| row.precedence(&best).is_gt()) {
                    winner = Some((start + at, row));
                }
            }
            start += table.len();
        }
        winner
    }

    /// Whether a content is there and not deleted, so that it need not be written again. The pack, which decides between
    /// entries alike, makes no difference here.
    pub fn has(&self, content: &ContentId) -> bool {
        let ranks = self.tables.iter().filter_map(|table| table.rank(content));
        ranks.max().is_some_and(|(_, is_alive)| is_alive)
    }

    /// As [`View::has`], of many contents at once, which takes less time.
    ///
    /// Only a tombstone can make a difference to a content that was found alive: tables with tombstones are asked for
    /// all contents, and the others for those that are not alive so far. Contents that are asked for together were
    /// mostly written together, so the table that has the first of them comes first.
    pub fn has_all(&self, contents: &[ContentId]) -> Vec<bool> {
        let mut latest: Vec<Option<(i64, bool)>> = vec![None; contents.len()];
        let has_first = |table: &Table| contents.first().is_some_and(|first| table.ordinal(first).is_some());
        let mut tables: Vec<&Table> = self.tables.iter().map(AsRef::as_ref).collect();
        tables.sort_by_cached_key(|table| (!table.has_tombstones(), !has_first(table)));
        for table in tables {
            let asked = |rank: &Option<(i64, bool)>| table.has_tombstones() || !rank.is_some_and(|(_, alive)| alive);
            let open: Vec<usize> = (0..contents.len()).filter(|at| asked(&latest[*at])).collect();
            let ranks = table.ranks(open.iter().map(|at| &contents[*at]));
            open.iter().zip(ranks).for_each(|(at, rank)| latest[*at] = rank.max(latest[*at])); // below the length
        }
        latest.into_iter().map(|rank| rank.is_some_and(|(_, is_alive)| is_alive)).collect()
    }

    /// A number for a content, unique within this view and below [`View::ordinals`].
    pub fn ordinal(&self, content: &ContentId) -> Option<usize> {
        self.find(content).map(|(ordinal, _)| ordinal)
    }

    /// What ordinals are below: the number of entries in all tables, some of which may be for the same content.
    pub fn ordinals(&self) -> usize {
        self.tables.iter().map(|table| table.len()).sum()
    }

    /// The row of an ordinal.
    pub fn row_at(&self, ordinal: usize) -> Option<Row<'_>> {
        let (table, at) = self.place(ordinal)?;
        Some(self.tables.get(table)?.row(at))
    }

    /// The table of an ordinal, and its row there.
    pub(super) fn place(&self, ordinal: usize) -> Option<(usize, usize)> {
        let mut at = ordinal;
        for (number, table) in self.tables.iter().enumerate() {
            if at < table.len() {
                return Some((number, at));
            }
            at -= table.len();
        }
        None
    }

    /// All contents that are not hidden, sorted, with their ordinals; tombstones included.
    pub fn rows(&self) -> impl Iterator<Item = (usize, Row<'_>)> + '_ {
        self.visible(Merged::new(self.tables.iter().map(AsRef::as_ref)))
    }

    /// The tombstones that count for their contents, those that the watermark hides too; in any order. There are few of
    /// them, so everything else is passed over instead of merged.
    pub fn tombstones(&self) -> impl Iterator<Item = Row<'_>> + '_ {
        let tables = self.tables.iter().zip(self.starts());
        let found = tables.flat_map(|(table, start)| table.deleted().map(move |at| (start + at, table.row(at))));
        let counts = |(ordinal, row): &(usize, Row<'_>)| {
            let winner = ContentId::of_key(row.key).and_then(|content| self.winner(&content));
            winner.is_some_and(|(winner, _)| winner == *ordinal)
        };
        found.filter(counts).map(|(_, row)| row)
    }

    /// As [`View::rows`], of contents with this prefix letter, 0 for those without.
    pub fn with_prefix(&self, prefix: u8) -> impl Iterator<Item = (usize, Row<'_>)> + '_ {
        let ranges = self.tables.iter().map(move |table| (table.as_ref(), table.prefix_range(prefix)));
        self.visible(Merged::of_ranges(ranges))
    }

    /// As [`View::rows`], owned.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.rows().filter_map(|(_, row)| row.entry()) // none is left out: rows of a table are valid
    }

    fn visible<'a>(&'a self, merged: Merged<'a>) -> impl Iterator<Item = (usize, Row<'a>)> + 'a {
        let mut merged = merged;
        let starts = self.starts();
        std::iter::from_fn(move || merged.next_found())
            .filter(|found| !self.hides(&found.row))
            .map(move |Found { table, index, row }| (starts[table] + index, row)) // one start for each table
    }

    /// The ordinal of the first row of each table.
    fn starts(&self) -> Vec<usize> {
        let after = |next: &mut usize, table: &Arc<Table>| {
            let start = *next;
            *next += table.len();
            Some(start)
        };
        self.tables.iter().scan(0, after).collect()
    }

    fn hides(&self, row: &Row<'_>) -> bool {
        row.deleted && self.watermark.is_some_and(|watermark| row.timestamp <= watermark)
    }

    /// Each pack, and how many bytes it must have for the entries that name it; once for each table. Entries that others
    /// have replaced are among them.
    pub fn pack_ends(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tables.iter().flat_map(|table| table.pack_ends())
    }

    /// Numbers for all packs that are named.
    pub fn packs(&self) -> Packs {
        Packs::of(self)
    }

    /// All contents that are not hidden, pack by pack.
    pub fn by_pack(&self, packs: &Packs) -> PackOrder {
        PackOrder::of(self, packs)
    }
}

/// Merges the smallest tables until few are left, or until what is left is too large to be merged. A table that is larger
/// than all the smaller ones together stays as it is if there are few enough without it.
fn few(mut tables: Vec<Arc<Table>>) -> Result<Vec<Arc<Table>>> {
    let total: usize = tables.iter().map(|table| table.memory()).sum();
    let share = (total / 3).min(LARGEST);
    while tables.len() > TABLES {
        tables.sort_by_key(|table| Reverse(table.memory()));
        let (mut count, mut size) = (0, 0);
        for table in tables.iter().rev() {
            let is_enough = tables.len() - count < TABLES && table.memory() > size;
            if count >= 2 && (is_enough || size + table.memory() > share) {
                break;
            }
            count += 1;
            size += table.memory();
        }
        if size > LARGEST {
            break;
        }
        let small = tables.split_off(tables.len() - count);
        tables.push(Arc::new(Table::merge(small.iter().map(AsRef::as_ref))?));
    }
    Ok(tables)
}
