//! Several sorted tables are walked through as one, in memory that does not depend on their size.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::{Row, Table};

/// The rows of several tables in order of their contents; of those for one content only the one that counts. Clones
/// begin where the original stands.
#[derive(Clone)]
pub struct Merged<'a> {
    tables: Vec<(&'a Table, Range<usize>)>,
    heads: BinaryHeap<Reverse<(&'a [u8], usize)>>,
}

/// A row, and where it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub table: usize,
    pub index: usize,
    pub row: Row<'a>,
}

impl<'a> Merged<'a> {
    /// Walks through all rows.
    pub fn new(tables: impl IntoIterator<Item = &'a Table>) -> Self {
        Self::of_ranges(tables.into_iter().map(|table| (table, 0..table.len())))
    }

    /// Walks through a range of rows of each table.
    pub(super) fn of_ranges(tables: impl IntoIterator<Item = (&'a Table, Range<usize>)>) -> Self {
        let tables: Vec<_> = tables.into_iter().collect();
        let mut merged = Merged { heads: BinaryHeap::with_capacity(tables.len()), tables };
        (0..merged.tables.len()).for_each(|table| merged.push_head(table));
        merged
    }

    fn push_head(&mut self, table: usize) {
        if let Some((rows, range)) = self.tables.get(table)
            && !range.is_empty()
        {
            self.heads.push(Reverse((rows.key(range.start), table)));
        }
    }

    fn pop(&mut self) -> Option<Found<'a>> {
        let Reverse((_, table)) = self.heads.pop()?;
        let (rows, range) = self.tables.get_mut(table)?;
        let index = range.next()?;
        let row = rows.row(index);
        self.push_head(table);
        Some(Found { table, index, row })
    }

    pub(super) fn next_found(&mut self) -> Option<Found<'a>> {
        let mut winner = self.pop()?;
        while self.heads.peek().is_some_and(|Reverse((key, _))| *key == winner.row.key) {
            let rival = self.pop()?;
            if rival.row.precedence(&winner.row).is_gt() {
                winner = rival;
            }
        }
        Some(winner)
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        self.next_found().map(|found| found.row)
    }
}
