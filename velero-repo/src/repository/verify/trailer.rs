//! The trailers of packs, from which a lost index is recovered: compared with the index.

use super::progress::count;
use super::report::DamageKind;
use super::run::Run;
use crate::error::Result;
use crate::repository::index::Table;
use crate::repository::name::PackName;
use crate::repository::open::is_same_place;

impl Run {
    /// Checks the trailer of a pack with these contents in the index.
    pub(super) fn check_trailer(&self, name: &PackName, contents: impl Iterator<Item = usize>) {
        let read = self.read_trailer(name);
        let reason = match read {
            Ok(None) => return, // it was missing from the listing
            Ok(Some(table)) => {
                count(&self.progress().trailers, 1);
                match self.compare_trailer(&table, contents) {
                    Some(reason) => reason,
                    None => return,
                }
            }
            Err(error) if error.is_of_store() => return self.findings().fail(error),
            Err(error) => error.to_string(),
        };
        self.findings().damage(name.as_str(), DamageKind::Trailer, reason, 0);
    }

    /// The local index of a pack; `None` if there is no such pack.
    pub(super) fn read_trailer(&self, name: &PackName) -> Result<Option<Table>> {
        let Some(length) = self.lengths.get(name).copied() else { return Ok(None) };
        self.repository.trailer_blocking(name, length)
    }

    /// What the index has of this pack and the trailer does not.
    fn compare_trailer(&self, table: &Table, contents: impl Iterator<Item = usize>) -> Option<String> {
        let same = |ordinal: &usize| {
            let row = self.view.row_at(*ordinal).and_then(|row| row.entry());
            row.is_none_or(|row| table.get(&row.content).is_some_and(|own| is_same_place(&own, &row)))
        };
        let mut contents = contents;
        let missing = contents.find(|ordinal| !same(ordinal))?;
        let row = self.view.row_at(missing).and_then(|row| row.entry())?;
        Some(format!("its trailer does not say the same as the index of content {}", row.content))
    }
}
