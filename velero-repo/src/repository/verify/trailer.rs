//! The trailers of packs, from which a lost index is recovered: opened, and compared with the index.

use super::progress::count;
use super::report::DamageKind;
use super::run::Run;
use crate::error::{Error, Result};
use crate::repository::index::{PACKED_OVERHEAD, Table};
use crate::repository::name::PackName;
use crate::repository::pack::Postamble;
use crate::repository::seal::Seal;
use bytes::Bytes;

/// Bytes at the end of a pack that are read first; they hold most trailers.
const TAIL: u64 = 64 << 10;
/// The longest local index that is read, bytes.
const LONGEST: usize = 256 << 20;

impl Run {
    /// Checks the trailer of a pack with these contents in the index.
    pub(super) fn check_trailer(&self, seal: &Seal, name: &PackName, contents: impl Iterator<Item = usize>) {
        let read = self.read_trailer(seal, name);
        let reason = match read {
            Ok(None) => return, // it was missing from the listing
            Ok(Some(table)) => {
                count(&self.progress().trailers, 1);
                match self.compare_trailer(&table, name, contents) {
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
    pub(super) fn read_trailer(&self, seal: &Seal, name: &PackName) -> Result<Option<Table>> {
        let blobs = self.repository.blobs();
        let corrupt = |reason: &str| Error::corrupt(name.as_str(), reason);
        let Some(length) = self.lengths.get(name).copied() else { return Ok(None) };
        let start = length.saturating_sub(TAIL);
        let Some(tail) = blobs.get_range_blocking(name, start, length - start)? else { return Ok(None) };
        let postamble = Postamble::find(&tail).ok_or_else(|| corrupt("there is no valid postamble at its end"))?;
        let range = postamble.range().filter(|range| range.end as u64 <= length && range.len() <= LONGEST);
        let range = range.ok_or_else(|| corrupt("its local index lies outside of the pack"))?;
        let within = (range.start as u64).checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let sealed = match within.and_then(|at| Some(tail.slice(at..at.checked_add(range.len())?))) {
            Some(sealed) => sealed,
            None => match blobs.get_range_blocking(name, range.start as u64, range.len() as u64)? {
                Some(sealed) => sealed,
                None => return Ok(None),
            },
        };
        let trailer = |error: Error| corrupt(&format!("its trailer: {error}"));
        let payload = seal.open(&postamble.iv, &sealed, sealed.len()).map_err(trailer)?;
        Table::parse(Bytes::from(payload), PACKED_OVERHEAD).map(Some).map_err(trailer)
    }

    /// What the index has of this pack and the trailer does not.
    fn compare_trailer(&self, table: &Table, name: &PackName, contents: impl Iterator<Item = usize>) -> Option<String> {
        let same = |ordinal: &usize| {
            let row = self.view.row_at(*ordinal).and_then(|row| row.entry());
            row.is_none_or(|row| {
                table.get(&row.content).is_some_and(|own| {
                    let place = (own.offset, own.packed_length, own.original_length, own.compression);
                    own.pack == *name && place == (row.offset, row.packed_length, row.original_length, row.compression)
                })
            })
        };
        let mut contents = contents;
        let missing = contents.find(|ordinal| !same(ordinal))?;
        let row = self.view.row_at(missing).and_then(|row| row.entry())?;
        Some(format!("its trailer does not say the same as the index of content {}", row.content))
    }
}
