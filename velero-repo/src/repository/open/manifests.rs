//! Manifests: all batches of the repository, read and merged.

use super::Repository;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::content::{ContentId, MANIFEST};
use crate::repository::index::Entry;
use crate::repository::manifest::{Labels, Manifests, Merge, Record, decode};
use futures::stream::{StreamExt, TryStreamExt};

/// The longest batch when expanded, bytes.
const LONGEST_BATCH: u64 = 1 << 30;
/// Batches that are read at once.
const AT_ONCE: usize = 8;
/// Batches that are read on the strength of glimpses, at most: of more, the index is read.
const MOST_GLIMPSED: usize = 16;
/// How often all is read again when another program replaces batches meanwhile.
const TRIES: usize = 10;

impl Repository {
    /// The living manifests that have all of `labels`, in the index as it was last read. When another program replaces
    /// batches meanwhile, the index is read again and all batches with it.
    ///
    /// # Errors
    /// Corrupt, naming the batch; those of [`Repository::read_content`].
    pub async fn manifests(&self, labels: &Labels) -> Result<Manifests> {
        self.merged_manifests(labels).await.map(|(_, merge)| merge.finish())
    }

    /// The batches of the repository.
    pub(crate) async fn manifest_batches(&self) -> Result<Vec<Entry>> {
        let mut batches = self.entries_with_prefix(MANIFEST).await?;
        batches.retain(|entry| !entry.deleted);
        Ok(batches)
    }

    /// As [`Repository::manifests`], with the batches that they were read from, and before deletions are left out.
    ///
    /// # Errors
    /// As [`Repository::manifests`].
    pub(crate) async fn merged_manifests(&self, labels: &Labels) -> Result<(Vec<Entry>, Merge)> {
        let mut failed = None;
        for _ in 0..TRIES {
            let batches = self.manifest_batches().await?;
            match self.read_batches(&batches, labels).await {
                Err(Vanished::Batch(entry)) => {
                    self.refresh_index().await?;
                    if self.entry(&entry.content).await?.is_some_and(|now| !now.deleted && now.pack == entry.pack) {
                        let reason = format!("it is missing, and manifest batch {} was in it", entry.content);
                        return Err(Error::corrupt(format!("pack {}", entry.pack), reason));
                    }
                    failed = Some(entry.content);
                }
                Err(Vanished::Not(error)) => return Err(error),
                Ok(merge) => return Ok((batches, merge)),
            }
        }
        let what = failed.map_or_else(String::new, |id: ContentId| id.to_string());
        Err(Error::corrupt(format!("manifest batch {what}"), "batches vanish faster than they can be read"))
    }

    /// The living manifest `id`, whatever its labels.
    ///
    /// # Errors
    /// Missing: there is none. Those of [`Repository::manifests`].
    pub async fn manifest(&self, id: &str) -> Result<Record> {
        let all = self.manifests(&Labels::new()).await?;
        all.get(id).cloned().ok_or_else(|| Error::Missing { what: format!("manifest {id:.80}") })
    }

    /// The living manifest `id`, where glimpses of the index are enough to find it: the trailer of the pack of every batch
    /// that was seen says the same, so each is what it seems to be. Batches that were not seen, and what they change in the
    /// manifest, are not missed; so this is for manifests that are never changed, and `None` says nothing.
    pub(crate) async fn glimpse_manifest(&self, id: &str, labels: &Labels) -> Option<Record> {
        let mut batches = self.glimpse_prefix(MANIFEST).await?;
        batches.retain(|entry| !entry.deleted);
        if batches.len() > MOST_GLIMPSED {
            return None;
        }
        let confirmed =
            futures::stream::iter(batches.clone()).map(|entry| async move { self.is_confirmed(&entry).await });
        let all = confirmed.buffer_unordered(AT_ONCE).all(std::future::ready).await;
        let merge = if all { self.read_batches(&batches, labels).await.ok()? } else { return None };
        merge.finish().get(id).cloned()
    }

    async fn read_batches(&self, batches: &[Entry], labels: &Labels) -> Result<Merge, Vanished> {
        let mut contents = futures::stream::iter(batches.to_vec())
            .map(|entry| async move {
                match self.read_entry_cached(&entry).await {
                    Ok(Some(bytes)) => Ok((entry, bytes)),
                    Ok(None) => Err(Vanished::Batch(Box::new(entry))),
                    Err(error) if error.kind() == ErrorKind::NotFound => Err(Vanished::Batch(Box::new(entry))),
                    Err(error) => Err(Vanished::Not(error)),
                }
            })
            .buffer_unordered(AT_ONCE);
        let mut merge = Merge::new(labels.clone());
        while let Some((entry, bytes)) = contents.try_next().await? {
            let id = entry.content.to_string();
            decode(&id, &bytes, LONGEST_BATCH, |record| merge.add(record)).map_err(Vanished::Not)?;
        }
        Ok(merge)
    }
}

/// Why batches could not be read.
enum Vanished {
    /// The pack of this one is gone.
    Batch(Box<Entry>),
    /// Something else.
    Not(Error),
}
