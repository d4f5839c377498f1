//! Index blobs of epochs: merged, replaced, and deleted when nobody needs them any more. No entry is ever dropped.

use super::delete::delete_all;
use super::memory::Limits;
use super::merging::{Merging, load};
use super::plan::Amount;
use crate::error::{Error, Result};
use crate::repository::blob::BlobInfo;
use crate::repository::epoch::{Compaction, State};
use crate::repository::index::Table;
use crate::repository::name::{EPOCH_MARKER_BODY, Family};
use crate::repository::open::Repository;
use bytes::Bytes;

/// Merges index blobs into a set that replaces them; returns the blobs that were merged.
///
/// # Errors
/// Corrupt: an input can not be read, or the store lost what it confirmed; the outputs are removed then. The store's.
pub(super) async fn compact(repository: &Repository, compaction: Option<Compaction>, limits: Limits) -> Result<Amount> {
    let Some(compaction) = compaction else { return Ok(Amount::default()) };
    let merging = Merging::set(repository, &compaction.inputs, &compaction.prefix).await?;
    let put = merging.write(repository, limits).await?;
    if put.is_empty() {
        return Ok(Amount::default());
    }
    repository.adopt(put.into_iter().map(|blob| blob.id).collect(), Vec::new()).await?;
    Ok(Amount::of(&compaction.inputs))
}

/// Begins the next epoch if the present one is old and large enough; returns its number.
///
/// # Errors
/// The store's.
pub(super) async fn advance(repository: &Repository) -> Result<Option<u64>> {
    let (_, state) = repository.list_epochs().await?;
    let Some(marker) = state.advance() else { return Ok(None) };
    repository.blobs().put(&marker, Bytes::from_static(EPOCH_MARKER_BODY)).await?;
    Ok(Some(state.epoch() + 1)) // epochs are below 2^32
}

/// Blobs that a clean-up would delete: markers and watermarks, or index blobs.
pub(super) fn superseded(listing: &[BlobInfo], state: &State, indexes: bool) -> Vec<BlobInfo> {
    let gone = state.cleanup();
    let wanted = |blob: &&BlobInfo| match blob.id.family() {
        Family::Uncompacted(_) => indexes,
        Family::EpochMarker(_) | Family::Watermark(_) => !indexes,
        _ => false,
    };
    listing.iter().filter(wanted).filter(|blob| gone.contains(&blob.id)).cloned().collect()
}

/// Deletes markers of epochs long past, and replaced watermarks.
///
/// # Errors
/// The store's.
pub(super) async fn clean_markers(repository: &Repository) -> Result<Amount> {
    let (listing, state) = repository.list_epochs().await?;
    let gone = superseded(&listing, &state, false);
    delete_all(repository, gone.iter().map(|blob| blob.id.clone())).await?;
    Ok(Amount::of(&gone))
}

/// Deletes index blobs that were merged long ago. Before, every entry of them is looked up in what replaces them: some
/// versions of Kopia have written replacements that lack entries.
///
/// # Errors
/// Corrupt: a replacement lacks entries, or can not be read. The store's.
pub(super) async fn delete_superseded(repository: &Repository) -> Result<Amount> {
    let (listing, state) = repository.list_epochs().await?;
    let mut gone = superseded(&listing, &state, true);
    let mut deleted = Amount::default();
    while let Some(Family::Uncompacted(epoch)) = gone.last().map(|blob| blob.id.family()) {
        let of_epoch: Vec<BlobInfo> = gone.extract_if(.., |b| b.id.family() == Family::Uncompacted(epoch)).collect();
        let is_replacement = |blob: &&BlobInfo| blob.id.family() == Family::Single(epoch);
        let replacing: Vec<BlobInfo> = listing.iter().filter(is_replacement).cloned().collect();
        let replacing = load(repository, &replacing).await?;
        for blob in &of_epoch {
            let tables = load(repository, std::slice::from_ref(blob)).await?;
            if !tables.iter().all(|table| covers(&replacing, table)) {
                return Err(Error::corrupt(blob.id.as_str(), "what replaces it lacks entries of it; it is kept"));
            }
        }
        delete_all(repository, of_epoch.iter().map(|blob| blob.id.clone())).await?;
        deleted = deleted.plus(Amount::of(&of_epoch));
    }
    Ok(deleted)
}

/// Whether every entry of a table is in the replacement, or a later one for the same content.
fn covers(replacing: &[Table], table: &Table) -> bool {
    let is_covered = |entry: crate::repository::index::Entry| {
        let found = replacing.iter().filter_map(|replacement| replacement.get(&entry.content));
        found.into_iter().any(|found| found.row().precedence(&entry.row()).is_ge())
    };
    table.iter().all(is_covered)
}
