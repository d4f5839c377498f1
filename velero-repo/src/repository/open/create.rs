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
        if open.read_only {
            return Err(Error::denied(blobs.address(), "nothing can be created for reading only"));
        }
        if !blobs.list("").await?.is_empty() {
            return Err(Error::Exists { what: format!("data in {}", blobs.address()) });
        }
        let blobs = blobs.prepare(true).await?;
        let (settings, document) = blocking(move || {
            let (document, settings) = Format::create(&create)?.documents(&create.password)?;
            Ok((Bytes::from(settings), Bytes::from(document)))
        })
        .await?;
        match fill(&blobs, &settings, &document, open).await {
            Ok(repository) => Ok(repository),
            Err(error) => {
                remove(&blobs, &settings, &document).await;
                Err(error)
            }
        }
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

/// Writes the blobs of a new repository, and opens it.
async fn fill(blobs: &BlobStore, settings: &Bytes, document: &Bytes, open: OpenOptions) -> Result<Repository> {
    for (name, bytes) in [(BLOB_SETTINGS, settings), (FORMAT, document)] {
        let id = BlobId::new(name)?;
        blobs.put(&id, bytes.clone()).await?;
        // Somebody else may be creating a repository here at this moment.
        if blobs.get(&id, MAX_FORMAT_BLOB as u64).await?.as_ref() != Some(bytes) {
            return Err(Error::corrupt(name, "the store does not hold what was just written"));
        }
    }
    let repository = Repository::open(blobs.clone(), open).await?;
    repository.name_owner().await?;
    Ok(repository)
}

/// Takes back what was written of a repository, unless it is somebody else's by now.
async fn remove(blobs: &BlobStore, settings: &Bytes, document: &Bytes) {
    for (name, bytes) in [(FORMAT, document), (BLOB_SETTINGS, settings)] {
        let Ok(id) = BlobId::new(name) else { continue };
        let removed = match blobs.get(&id, MAX_FORMAT_BLOB as u64).await {
            Ok(Some(found)) if found == *bytes => blobs.delete(&id).await,
            other => other.map(drop),
        };
        if let Err(error) = removed {
            tracing::warn!(blob = name, %error, "what was written of a new repository could not be removed");
        }
    }
}
