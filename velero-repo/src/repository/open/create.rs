//! A new repository, complete: whoever opens it next, Kopia and Velero included, finds all that it needs.

use super::{OpenOptions, Repository};
use crate::error::{Error, Result};
use crate::repository::blob::{BlobStore, blocking};
use crate::repository::format::{CreateOptions, Format, MAX_FORMAT_BLOB};
use crate::repository::gojson::{self, Base64, document};
use crate::repository::manifest::{TYPE, labels};
use crate::repository::name::{BLOB_SETTINGS, BlobId, FORMAT, INIT_MARKER};
use crate::repository::session::{Session, SessionOptions};
use bytes::Bytes;
use jiff::Timestamp;

/// The maintenance parameters of a new repository, in Kopia's words. They are the same everywhere but for the owner.
const MAINTENANCE_PARAMETERS: &str = r#""quick":{"enabled":true,"interval":3600000000000},"full":{"enabled":true,"interval":86400000000000},"logRetention":{"maxTotalSize":1073741824,"maxCount":10000,"maxAge":2592000000000000},"extendObjectLocks":false,"listParallelism":0"#;

document! {
    /// Velero's marker of a repository that it may use.
    pub struct InitMarker {
        /// The repository's identity.
        pub unique_id: Base64 = "uniqueID",
    }
}

impl Repository {
    /// Creates a repository and opens it. Its owner, who may run maintenance, is the identity in `open`.
    ///
    /// # Errors
    /// Exists: blobs are there already, of a repository or not. Denied: `open` is for reading only. Those of the options
    /// and of the store; what was written is then removed, as far as the store allows.
    pub async fn create(blobs: BlobStore, create: CreateOptions, open: OpenOptions) -> Result<Repository> {
        let now = open.clock.now();
        let new = blocking(move || New::make(&create, now)).await?;
        new.store(blobs, open).await
    }

    /// Creates a repository as Velero does, under Velero's identity and with its marker.
    ///
    /// # Errors
    /// As [`Repository::create`].
    pub async fn create_for_velero(blobs: BlobStore, open: OpenOptions) -> Result<Repository> {
        let create = CreateOptions::new(open.password.clone());
        let repository = Repository::create(blobs, create, open.with_identity(super::Identity::velero())).await?;
        repository.initialise_for_velero().await?;
        Ok(repository)
    }

    /// Does what Velero does before its first backup into a repository that it did not create: names itself the owner of
    /// maintenance unless there is one, and leaves its marker unless it is there.
    ///
    /// # Errors
    /// Corrupt: the marker is of another repository. Denied: the repository was opened for reading only. The store's.
    pub async fn initialise_for_velero(&self) -> Result<()> {
        self.check_writable()?;
        let id = BlobId::new(INIT_MARKER)?;
        let format = self.format();
        if let Some(stored) = self.blobs().get(&id, MAX_FORMAT_BLOB as u64).await? {
            let marker: InitMarker =
                serde_json::from_slice(&stored).map_err(|reason| Error::corrupt(INIT_MARKER, reason.to_string()))?;
            return match marker.unique_id.0 == format.unique_id {
                true => Ok(()),
                false => Err(Error::corrupt(INIT_MARKER, "it names another repository")),
            };
        }
        if self.manifests(&labels([(TYPE, "maintenance")])).await?.is_empty() {
            self.name_owner().await?;
        }
        let marker = InitMarker { unique_id: Base64(format.unique_id.clone()), ..InitMarker::default() };
        let marker = gojson::to_vec(&marker).map_err(|reason| Error::invalid(INIT_MARKER, reason.to_string()))?;
        self.blobs().put(&id, marker.into()).await
    }

    /// Writes the maintenance parameters, owned by the identity of this repository.
    async fn name_owner(&self) -> Result<()> {
        let owner = serde_json::to_string(&self.identity().to_string())
            .map_err(|reason| Error::invalid("identity", reason.to_string()))?;
        let parameters =
            serde_json::value::RawValue::from_string(format!("{{\"owner\":{owner},{MAINTENANCE_PARAMETERS}}}"))
                .map_err(|reason| Error::invalid("maintenance parameters", reason.to_string()))?;
        let session = Session::begin(self, SessionOptions::default()).await?;
        session.put_manifest(labels([(TYPE, "maintenance")]), &parameters)?;
        session.commit().await.map(drop)
    }
}

/// A repository that is not stored yet.
pub(crate) struct New {
    format: Format,
    settings: Bytes,
    document: Bytes,
}

impl New {
    /// Fresh keys. Takes half a second.
    pub(crate) fn make(options: &CreateOptions, now: Timestamp) -> Result<Self> {
        let format = Format::create(options)?;
        let (document, settings) = format.documents(&options.password)?;
        let format = format.reopen(&document, Some(&settings), now)?;
        Ok(New { format, settings: settings.into(), document: document.into() })
    }

    /// Stores it where there is nothing yet, and opens it.
    pub(crate) async fn store(&self, blobs: BlobStore, open: OpenOptions) -> Result<Repository> {
        if open.read_only {
            return Err(Error::denied(blobs.address(), "nothing can be created for reading only"));
        }
        let retention = self.format.settings.retention;
        let blobs = blobs.with_retention(retention);
        blobs.check_retention(retention)?;
        if !blobs.list("").await?.is_empty() {
            return Err(Error::Exists { what: format!("data in {}", blobs.address()) });
        }
        blobs.prepare(true).await?;
        let stored = self.fill(&blobs, open).await;
        if stored.is_err()
            && let Err(error) = self.remove(&blobs).await
        {
            tracing::warn!(store = blobs.address(), %error, "what was written of a new repository could not be removed");
        }
        stored
    }

    async fn fill(&self, blobs: &BlobStore, open: OpenOptions) -> Result<Repository> {
        for (name, bytes) in [(BLOB_SETTINGS, &self.settings), (FORMAT, &self.document)] {
            let id = BlobId::new(name)?;
            blobs.put(&id, bytes.clone()).await?;
            // Somebody else may be creating a repository here at this moment.
            if blobs.get(&id, MAX_FORMAT_BLOB as u64).await?.as_ref() != Some(bytes) {
                return Err(Error::corrupt(name, "the store does not hold what was just written"));
            }
        }
        let repository = Repository::of_format(blobs.clone(), self.format.clone(), open, None).await?;
        repository.name_owner().await?;
        Ok(repository)
    }

    /// Takes back what was written, whole or in part, unless it is somebody else's by now.
    async fn remove(&self, blobs: &BlobStore) -> Result<()> {
        let (format, settings) = (BlobId::new(FORMAT)?, BlobId::new(BLOB_SETTINGS)?);
        let limit = MAX_FORMAT_BLOB as u64;
        if blobs.get(&format, limit).await?.is_some_and(|found| self.document.starts_with(&found)) {
            blobs.delete(&format).await?; // from here on nobody can open it
            for blob in blobs.list("").await? {
                blobs.delete(&blob.id).await?;
            }
        } else if blobs.get(&settings, limit).await?.is_some_and(|found| self.settings.starts_with(&found)) {
            blobs.delete(&settings).await?;
        }
        Ok(())
    }
}
