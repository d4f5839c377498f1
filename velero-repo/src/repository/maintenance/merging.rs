//! Index blobs are read, merged and written anew.
//!
//! Memory: the inputs of one compaction and one output, whose entries are limited.

use super::delete::delete_all;
use super::memory::Limits;
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::index::{Merged, PACKED_OVERHEAD, Row, Table, encode_rows, sealed_blob};
use crate::repository::name::{BlobId, SessionId, set_suffix, shard_of};
use crate::repository::open::Repository;
use crate::repository::seal::random;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// Inputs that are read at once.
const AT_ONCE: usize = 4;

/// Reads index blobs.
///
/// # Errors
/// Corrupt: one can not be read. The store's.
pub(super) async fn load(repository: &Repository, blobs: &[BlobInfo]) -> Result<Vec<Table>> {
    let load = |blob: BlobInfo| async move {
        let payload = repository.sealed_payload(&blob).await?;
        let payload = payload.ok_or_else(|| Error::corrupt(blob.id.as_str(), "it is gone since it was listed"))?;
        let parsed = blocking(move || Table::parse(payload, PACKED_OVERHEAD)).await;
        parsed.map_err(|error| Error::corrupt(blob.id.as_str(), error.to_string()))
    };
    futures::stream::iter(blobs.to_vec()).map(load).buffered(AT_ONCE).try_collect().await
}

/// What is merged, and into what.
#[derive(Clone)]
pub(super) struct Merging {
    tables: Arc<Vec<Table>>,
    prefix: String,
    /// Deletions up to this time are left out, in Unix seconds. Only for repositories without epochs, and only of all
    /// index blobs: a tombstone that is dropped while an older entry survives elsewhere brings a content back whose
    /// pack may be gone.
    without: Option<i64>,
    /// Whether the outputs are a set of an epoch; else each is for itself, and has random bytes at its end: its name is
    /// its hash, and it must not be that of an input.
    is_set: bool,
}

impl Merging {
    /// All entries of some index blobs, for a set of an epoch.
    ///
    /// # Errors
    /// Those of [`load`].
    pub(super) async fn set(repository: &Repository, inputs: &[BlobInfo], prefix: &str) -> Result<Self> {
        let tables = Arc::new(load(repository, inputs).await?);
        Ok(Merging { tables, prefix: prefix.to_owned(), without: None, is_set: true })
    }

    /// The entries of some index blobs of a repository without epochs, but for deletions up to a time.
    ///
    /// # Errors
    /// Those of [`load`].
    pub(super) async fn free(repository: &Repository, inputs: &[BlobInfo], without: Option<i64>) -> Result<Self> {
        let tables = Arc::new(load(repository, inputs).await?);
        Ok(Merging { tables, prefix: "n".to_owned(), without, is_set: false })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> + Clone {
        let without = self.without;
        Merged::new(self.tables.iter())
            .filter(move |row| !row.deleted || without.is_none_or(|until| row.timestamp > until))
    }

    /// Writes the entries, reads them back, and returns the new index blobs; none if there are no entries. Those of a
    /// failure are removed.
    ///
    /// # Errors
    /// Corrupt: the store lost what it confirmed. The store's.
    pub(super) async fn write(self, repository: &Repository, limits: Limits) -> Result<Vec<BlobInfo>> {
        let mut put = Vec::new();
        match self.put(repository, limits, &mut put).await {
            Ok(listed) => Ok(listed),
            Err(error) => {
                delete_all(repository, put).await?;
                Err(error)
            }
        }
    }

    async fn put(self, repository: &Repository, limits: Limits, put: &mut Vec<BlobId>) -> Result<Vec<BlobInfo>> {
        let own = self.clone();
        let rows = blocking(move || Ok(own.rows().count())).await?;
        let shards = rows.div_ceil(usize::try_from(limits.entries).unwrap_or(usize::MAX).max(1));
        let suffix = if self.is_set { set_suffix(&SessionId::of_compaction(random()), shards) } else { String::new() };
        for shard in 0..shards {
            let (own, seal, suffix) = (self.clone(), repository.seal(), suffix.clone());
            let version = repository.format().parameters.index_version;
            let sealed = blocking(move || {
                let mine = |key: &[u8]| shards == 1 || shard_of(key, shards) == shard;
                let end: &[u8] = if own.is_set { &[] } else { &random::<32>() };
                let payload = encode_rows(version, own.rows().filter(|row| mine(row.key)), end)?;
                sealed_blob(&seal, &own.prefix, &suffix, &payload)
            });
            let (id, sealed) = sealed.await?;
            put.push(id.clone());
            repository.blobs().put(&id, Bytes::from(sealed)).await?;
        }
        let listing = repository.blobs().list(&self.prefix).await?;
        let (mut found, mut listed) = (0, Vec::new());
        for id in put.iter() {
            let blob = listing.iter().find(|blob| blob.id == *id);
            let blob =
                blob.ok_or_else(|| Error::corrupt(id.as_str(), "the store confirmed it and does not list it"))?;
            found += load(repository, std::slice::from_ref(blob)).await?.iter().map(Table::len).sum::<usize>();
            listed.push(blob.clone());
        }
        match found == rows {
            true => Ok(listed),
            false => Err(Error::corrupt(self.prefix, format!("{found} entries were read back instead of {rows}"))),
        }
    }
}
