//! The trailers of packs, which say what is in them when no index does.
//!
//! Comes in: a pack. Goes out: its local index, which is sealed by itself. The postamble that tells where it lies is not,
//! and is doubted.

use super::Repository;
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::index::{Entry, PACKED_OVERHEAD, Table};
use crate::repository::name::PackName;
use crate::repository::pack::Postamble;
use bytes::Bytes;

/// Bytes at the end of a pack that are read first; they hold most trailers.
const TAIL: u64 = 64 << 10;
/// The longest local index that is read, bytes.
const LONGEST: usize = 256 << 20;

impl Repository {
    /// The local index of a pack of this length; `None` if there is no such pack. On a plain thread.
    ///
    /// # Errors
    /// Corrupt, naming the pack: it has no trailer, or a damaged one. The store's.
    pub(crate) fn trailer_blocking(&self, name: &PackName, length: u64) -> Result<Option<Table>> {
        let corrupt = |reason: &str| Error::corrupt(name.as_str(), reason);
        let start = length.saturating_sub(TAIL);
        let Some(tail) = self.blobs().get_range_blocking(name, start, length - start)? else { return Ok(None) };
        let postamble = Postamble::find(&tail).ok_or_else(|| corrupt("there is no valid postamble at its end"))?;
        let range = postamble.range().filter(|range| range.end as u64 <= length && range.len() <= LONGEST);
        let range = range.ok_or_else(|| corrupt("its local index lies outside of the pack"))?;
        let within = (range.start as u64).checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let sealed = match within.and_then(|at| Some(tail.slice(at..at.checked_add(range.len())?))) {
            Some(sealed) => sealed,
            None => match self.blobs().get_range_blocking(name, range.start as u64, range.len() as u64)? {
                Some(sealed) => sealed,
                None => return Ok(None),
            },
        };
        let trailer = |error: Error| corrupt(&format!("its trailer: {error}"));
        let payload = self.seal().open(&postamble.iv, &sealed, sealed.len()).map_err(trailer)?;
        Table::parse(Bytes::from(payload), PACKED_OVERHEAD).map(Some).map_err(trailer)
    }

    /// Whether the trailer of the pack that an entry names has the same content in the same place.
    pub(super) async fn is_confirmed(&self, entry: &Entry) -> bool {
        let Ok(Some(pack)) = self.blobs().stat(&entry.pack).await else { return false };
        let (repository, entry) = (self.clone(), entry.clone());
        let has = move || {
            let trailer = repository.trailer_blocking(&pack.id, pack.length)?;
            let own = trailer.and_then(|trailer| trailer.get(&entry.content));
            Ok(own.is_some_and(|own| is_same_place(&own, &entry)))
        };
        blocking(has).await.unwrap_or(false)
    }
}

/// Whether two entries of a content say where it lies in the same words.
pub(crate) fn is_same_place(a: &Entry, b: &Entry) -> bool {
    let place = |entry: &Entry| (entry.offset, entry.packed_length, entry.original_length, entry.compression);
    a.pack == b.pack && place(a) == place(b)
}
