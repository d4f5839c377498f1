//! The backups of a store: which exist, their documents, their deletion.
//!
//! A backup exists if its `velero-backup.json` does (spec 1.2); directories without one are [`Leftover`]s of attempts
//! that died, and never disturb a listing. Where a backup has a digest document, whatever is read is compared with it.

use crate::digests::{Digest, Digests, Hasher};
use crate::error::{Error, Result};
use crate::layout::{BACKUPS, BackupName, Document, RESTORES};
use crate::objects::{AT_ONCE, ObjectInfo, gunzip};
use crate::store::Store;
use crate::writer::BackupWriter;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

/// Largest digest document; it lists some ten objects.
const DIGESTS_LIMIT: u64 = 1 << 20;

/// A directory below `backups/` that is no backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Name of the directory.
    pub name: String,
    /// Why it is no backup.
    pub reason: &'static str,
}

/// The backups of a store.
#[derive(Clone, Debug)]
pub struct BackupStore {
    store: Store,
}

impl BackupStore {
    /// The backups in `store`.
    pub fn new(store: Store) -> Self {
        BackupStore { store }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Names of all backups that exist (have a `velero-backup.json`), sorted.
    pub async fn list(&self) -> Result<Vec<BackupName>> {
        Ok(self.directories().await?.into_iter().filter_map(Result::ok).collect())
    }

    /// Directories below `backups/` that are no backups, sorted.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(self.directories().await?.into_iter().filter_map(Result::err).collect())
    }

    async fn directories(&self) -> Result<Vec<Result<BackupName, Leftover>>> {
        let names = self.store.list_directories(BACKUPS).await?;
        futures::stream::iter(names)
            .map(|directory| async move {
                let Ok(name) = BackupName::new(directory.as_str()) else {
                    return Ok(Err(Leftover { name: directory, reason: "its name is no name of a backup" }));
                };
                let exists = self.exists(&name).await?;
                Ok(if exists {
                    Ok(name)
                } else {
                    Err(Leftover { name: directory, reason: "it has no velero-backup.json" })
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Whether the backup exists.
    pub async fn exists(&self, name: &BackupName) -> Result<bool> {
        Ok(self.store.size(&Document::Backup.key(name)).await?.is_some())
    }

    /// The digest document; `None` for backups that were not written by us.
    pub async fn digests(&self, name: &BackupName) -> Result<Option<Digests>> {
        let key = Document::Digests.key(name);
        let stored = self.store.read(&key, DIGESTS_LIMIT).await?;
        stored.map(|bytes| Digests::from_json(&key, &bytes)).transpose()
    }

    async fn digest(&self, name: &BackupName, document: Document) -> Result<Option<Digest>> {
        Ok(self.digests(name).await?.and_then(|digests| digests.objects.get(&document.file(name)).cloned()))
    }

    /// Size and SHA-256 of a stored object, by reading it through; `None` if there is no such object.
    pub async fn measure(&self, key: &str) -> Result<Option<Digest>> {
        self.store.measure(key).await
    }

    /// One document of a backup, unzipped, at most `limit` bytes; `None` if it does not exist. Digests are checked
    /// where the backup has them.
    pub async fn read(&self, name: &BackupName, document: Document, limit: u64) -> Result<Option<Bytes>> {
        let key = document.key(name);
        let digest = if document == Document::Digests { None } else { self.digest(name, document).await? };
        // Bytes that do not compress grow a little in gzip.
        let stored_limit = if document.is_gzip() { limit.saturating_add(limit / 1000 + 1024) } else { limit };
        let stored = self.store.read(&key, stored_limit).await?;
        let Some(stored) = stored else {
            return match digest {
                None => Ok(None),
                Some(_) => Err(Error::corrupt(key, "it is missing although the digest document lists it")),
            };
        };
        if let Some(digest) = digest {
            digest.check(&key, &Digest::of(&stored))?;
        }
        if document.is_gzip() { gunzip(&key, &stored, limit).await.map(Some) } else { Ok(Some(stored)) }
    }

    /// The stored bytes of the tarball as a stream, hashed and compared with the digest at the end if there is one:
    /// on a mismatch the last read fails.
    pub async fn open_contents(&self, name: &BackupName) -> Result<Box<dyn AsyncRead + Send + Unpin>> {
        let key = Document::Contents.key(name);
        let digest = self.digest(name, Document::Contents).await?;
        let Some(size) = self.store.size(&key).await? else {
            return Err(Error::Missing { what: key });
        };
        if let Some(digest) = digest.as_ref().filter(|digest| digest.size != size) {
            return Err(Error::corrupt(key, format!("it has {size} bytes and not {}", digest.size)));
        }
        let stream = checked(self.store.stream(&key, size).await?, key, size, digest);
        Ok(Box::new(StreamReader::new(stream)))
    }

    /// SHA-256 (hexadecimal) and size of the stored tarball, from the digest document or by reading it.
    pub async fn contents_digest(&self, name: &BackupName) -> Result<(String, u64)> {
        let key = Document::Contents.key(name);
        let digest = match self.digest(name, Document::Contents).await? {
            Some(digest) => Some(digest),
            None => self.store.measure(&key).await?,
        };
        let digest = digest.ok_or(Error::Missing { what: key })?;
        Ok((digest.sha256, digest.size))
    }

    /// Starts writing a backup. Refuses if it exists; leftovers of a dead attempt are replaced. An attempt that is not
    /// dead after all loses the name to this one and fails.
    pub async fn create(&self, name: &BackupName) -> Result<BackupWriter> {
        let exists = || Err(Error::Exists { what: format!("backup {name}") });
        if self.exists(name).await? {
            return exists();
        }
        let writer = BackupWriter::claim(self.store.clone(), name.clone()).await?;
        if self.exists(name).await? {
            writer.release().await;
            return exists();
        }
        let leftovers = self.objects(name).await?.into_iter().map(|object| object.key);
        writer.remove(leftovers.filter(|key| *key != name.claim()).collect()).await?;
        Ok(writer)
    }

    /// All objects that belong to a backup: everything below its directory.
    pub async fn objects(&self, name: &BackupName) -> Result<Vec<ObjectInfo>> {
        self.store.list_objects(&name.directory()).await
    }

    /// Deletes objects of a plan made from [`BackupStore::objects`]; `velero-backup.json` goes first, so that a deletion
    /// that is interrupted leaves no half a backup visible.
    pub async fn delete(&self, objects: &[ObjectInfo]) -> Result<()> {
        let belongs = |key: &str| key.starts_with(BACKUPS) || key.starts_with(RESTORES);
        if let Some(foreign) = objects.iter().find(|object| !belongs(&object.key)) {
            return Err(Error::invalid(foreign.key.clone(), "it belongs to no backup or restore"));
        }
        let keys = objects.iter().map(|object| object.key.clone());
        let (first, rest): (Vec<_>, Vec<_>) = keys.partition(|key| key.ends_with("/velero-backup.json"));
        self.store.remove(first).await?;
        self.store.remove(rest).await
    }
}

/// The stream, with an error instead of its end if it was not `size` bytes long or does not have the digest.
fn checked(
    stream: BoxStream<'static, Result<Bytes>>,
    key: String,
    size: u64,
    digest: Option<Digest>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let state = (stream, Hasher::default());
    let steps = futures::stream::try_unfold(state, move |(mut stream, mut hasher)| {
        let (key, digest) = (key.clone(), digest.clone());
        async move {
            if let Some(chunk) = stream.try_next().await.map_err(std::io::Error::other)? {
                hasher.update(&chunk);
                return Ok(Some((chunk, (stream, hasher))));
            }
            let found = hasher.finish();
            let expected = digest.unwrap_or_else(|| Digest { size, sha256: found.sha256.clone() });
            match expected.check(&key, &found) {
                Ok(()) => Ok(None),
                Err(e) => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, e)),
            }
        }
    });
    steps.boxed()
}
