//! The index blobs of a commit: written under the epoch that is current, and seen to be there afterwards.

use super::Shared;
use super::round::Round;
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::epoch::{IndexWrite, WriteStep};
use crate::repository::index::{Merged, Table, encode_shards, sealed_blob};
use crate::repository::name::{BlobId, set_suffix, shard_count, uncompacted_prefix};
use bytes::Bytes;
use std::sync::Arc;

/// How often writing is begun anew because another epoch has started.
const TRIES: usize = 5;

impl Shared {
    /// Writes the entries of these tables; returns the names of the index blobs. When it fails it removes them again: the
    /// manifests among the entries must not be seen.
    pub(super) async fn write_index(&self, round: &Round, tables: &Arc<Vec<Table>>) -> Result<Vec<BlobId>> {
        let mut put = Vec::new();
        let written = match self.repository.format().parameters.epochs.enabled {
            true => self.write_under_epoch(round, tables, &mut put).await,
            false => self.write_without_epochs(round, tables, &mut put).await,
        };
        if written.is_err() {
            self.remove(&mut put).await?;
        }
        written.map(|()| put)
    }

    async fn write_under_epoch(&self, round: &Round, tables: &Arc<Vec<Table>>, put: &mut Vec<BlobId>) -> Result<()> {
        for _ in 0..TRIES {
            let (_, mut state) = self.repository.list_epochs().await?;
            let Some(write) = IndexWrite::begin(&state, self.repository.now()) else { continue };
            let blobs = self.seal_index(round, tables, &uncompacted_prefix(write.epoch()), true).await?;
            let mut blobs = blobs.into_iter().peekable();
            while let Some((id, bytes)) = blobs.peek() {
                match write.before_put(&state, self.repository.now()) {
                    WriteStep::Put => {
                        round.index_begun();
                        put.push(id.clone());
                        self.failure.or(self.repository.blobs().put(id, bytes.clone())).await??;
                        blobs.next();
                    }
                    WriteStep::Refresh => state = self.repository.list_epochs().await?.1,
                    WriteStep::StartOver => break,
                }
            }
            if blobs.next().is_some() {
                self.remove(put).await?;
                continue;
            }
            let (listing, state) = self.repository.list_epochs().await?;
            write.after_last_put(&state)?;
            return self.read_back(put, &listing).await;
        }
        Err(Error::invalid("writing the index", "epochs change faster than it can be written"))
    }

    async fn write_without_epochs(&self, round: &Round, tables: &Arc<Vec<Table>>, put: &mut Vec<BlobId>) -> Result<()> {
        for (id, bytes) in self.seal_index(round, tables, "n", false).await? {
            round.index_begun();
            put.push(id.clone());
            self.failure.or(self.repository.blobs().put(&id, bytes)).await??;
        }
        let listing = self.repository.blobs().list("n").await?;
        self.read_back(put, &listing).await
    }

    /// Makes the index blobs. Those of a set say in their names how many they are.
    async fn seal_index(
        &self,
        round: &Round,
        tables: &Arc<Vec<Table>>,
        prefix: &str,
        is_set: bool,
    ) -> Result<Vec<(BlobId, Bytes)>> {
        let (tables, seal, prefix, session) =
            (tables.clone(), self.repository.seal(), prefix.to_owned(), round.id().clone());
        let version = self.repository.format().parameters.index_version;
        let make = move || {
            let shards = shard_count(tables.iter().map(Table::len).sum());
            let suffix = if is_set { set_suffix(&session, shards) } else { session.to_string() };
            let seal = |payload: Result<Vec<u8>>| {
                let (id, sealed) = sealed_blob(&seal, &prefix, &suffix, &payload?)?;
                Ok((id, Bytes::from(sealed)))
            };
            encode_shards(version, Merged::new(tables.iter()), shards).map(seal).collect()
        };
        blocking(make).await
    }

    /// Opens what was just written, as everybody else will.
    async fn read_back(&self, put: &[BlobId], listing: &[BlobInfo]) -> Result<()> {
        for id in put {
            let listed = listing.iter().find(|blob| blob.id == *id);
            let listed =
                listed.ok_or_else(|| Error::corrupt(id.as_str(), "the store confirmed it and does not list it"))?;
            if self.repository.sealed_payload(listed).await?.is_none() {
                return Err(Error::corrupt(id.as_str(), "the store lists it and does not have it"));
            }
        }
        Ok(())
    }

    /// Removes index blobs that were written and do not count.
    async fn remove(&self, put: &mut Vec<BlobId>) -> Result<()> {
        for id in put.iter() {
            self.repository.blobs().delete(id).await?;
        }
        put.clear();
        Ok(())
    }
}
