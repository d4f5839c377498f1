//! Index blobs: merged, replaced, and deleted when nobody needs them any more.
//!
//! Memory: the inputs of one compaction and one output, whose entries are limited. No entry is ever dropped.

use super::delete::delete_all;
use super::memory::Limits;
use super::plan::Amount;
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::epoch::{Compaction, State};
use crate::repository::index::{Merged, PACKED_OVERHEAD, Table, encode_rows, sealed_blob};
use crate::repository::name::{BlobId, EPOCH_MARKER_BODY, Family, SessionId, set_suffix, shard_of};
use crate::repository::open::Repository;
use crate::repository::seal::random;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// Inputs that are read at once.
const AT_ONCE: usize = 4;

/// Merges index blobs into a set that replaces them; returns the blobs that were merged.
///
/// # Errors
/// Corrupt: an input can not be read, or the store lost what it confirmed; the outputs are removed then. The store's.
pub(super) async fn compact(repository: &Repository, compaction: Option<Compaction>, limits: Limits) -> Result<Amount> {
    let Some(compaction) = compaction else { return Ok(Amount::default()) };
    let tables = Arc::new(load(repository, &compaction.inputs).await?);
    let inputs = tables.clone();
    let rows = blocking(move || Ok(Merged::new(inputs.iter()).count())).await?;
    let merged = Amount::of(&compaction.inputs);
    if rows == 0 {
        return Ok(Amount::default());
    }
    let mut put = Vec::new();
    let shards = rows.div_ceil(usize::try_from(limits.entries).unwrap_or(usize::MAX).max(1));
    match write(repository, &compaction.prefix, tables, (rows, shards), &mut put).await {
        Ok(()) => {
            repository.adopt(put, Vec::new()).await?;
            Ok(merged)
        }
        Err(error) => {
            delete_all(repository, put).await?;
            Err(error)
        }
    }
}

async fn load(repository: &Repository, blobs: &[BlobInfo]) -> Result<Vec<Table>> {
    let load = |blob: BlobInfo| async move {
        let payload = repository.sealed_payload(&blob).await?;
        let payload = payload.ok_or_else(|| Error::corrupt(blob.id.as_str(), "it is gone since it was listed"))?;
        let parsed = blocking(move || Table::parse(payload, PACKED_OVERHEAD)).await;
        parsed.map_err(|error| Error::corrupt(blob.id.as_str(), error.to_string()))
    };
    futures::stream::iter(blobs.to_vec()).map(load).buffered(AT_ONCE).try_collect().await
}

/// Writes so many rows into so many outputs, one by one, then reads all of them back.
async fn write(
    repository: &Repository,
    prefix: &str,
    tables: Arc<Vec<Table>>,
    (rows, shards): (usize, usize),
    put: &mut Vec<BlobId>,
) -> Result<()> {
    let suffix = set_suffix(&SessionId::of_compaction(random()), shards);
    for shard in 0..shards {
        let (tables, seal, suffix, prefix) = (tables.clone(), repository.seal(), suffix.clone(), prefix.to_owned());
        let version = repository.format().parameters.index_version;
        let sealed = blocking(move || {
            let mine = |key: &[u8]| shards == 1 || shard_of(key, shards) == shard;
            let payload = encode_rows(version, Merged::new(tables.iter()).filter(|row| mine(row.key)), &[])?;
            sealed_blob(&seal, &prefix, &suffix, &payload)
        });
        let (id, sealed) = sealed.await?;
        put.push(id.clone());
        repository.blobs().put(&id, Bytes::from(sealed)).await?;
    }
    let listing = repository.blobs().list(prefix).await?;
    let mut found = 0;
    for id in put.iter() {
        let listed = listing.iter().find(|blob| blob.id == *id);
        let listed =
            listed.ok_or_else(|| Error::corrupt(id.as_str(), "the store confirmed it and does not list it"))?;
        found += load(repository, std::slice::from_ref(listed)).await?.iter().map(Table::len).sum::<usize>();
    }
    match found == rows {
        true => Ok(()),
        false => Err(Error::corrupt(prefix, format!("{found} entries were read back instead of {rows}"))),
    }
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
