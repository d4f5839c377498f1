//! Every blob that is not a pack is opened: format, settings, schedule, markers, indexes, logs.
//!
//! The bodies of epoch markers and watermarks, the copy of the format blob from an upgrade, and blobs of other programs
//! carry nothing that anybody reads.

use super::progress::count;
use super::report::{DamageKind, Level, WarningKind};
use super::run::Run;
use crate::error::{Error, Result};
use crate::repository::blob::BlobInfo;
use crate::repository::epoch::{State, v0};
use crate::repository::format::MAX_FORMAT_BLOB;
use crate::repository::index::{PACKED_OVERHEAD, Table};
use crate::repository::maintenance::Schedule;
use crate::repository::name::{BLOB_SETTINGS, BlobId, FORMAT, Family, INIT_MARKER, MAINTENANCE};
use crate::repository::open::InitMarker;
use crate::repository::session::marker::Marker;
use futures::stream::{StreamExt, TryStreamExt};
use std::collections::HashSet;

/// What becomes of contents that only a damaged index blob names.
const HIDDEN: &str = "what it alone names can not be read, the manifests of snapshots included";
/// Blobs that are opened at once.
const AT_ONCE: usize = 4;

impl Run {
    /// Opens every blob of the listing that is not a pack.
    pub(super) async fn check_blobs(&self, listing: &[BlobInfo]) -> Result<()> {
        self.check_format().await?;
        self.check_schedule().await?;
        let active: HashSet<BlobId> = match self.repository.format().parameters.epochs.enabled {
            true => {
                let state = State::of(listing, self.begun, &self.repository.format().parameters.epochs);
                state.active().into_iter().map(|blob| blob.id).collect()
            }
            false => match self.repository.list_without_epochs().await {
                Ok(state) => state.active().into_iter().map(|blob| blob.id).collect(),
                Err(error) if error.is_of_store() => return Err(error),
                // A log that can not be read replaces nothing.
                Err(_) => listing.iter().map(|blob| blob.id.clone()).collect(),
            },
        };
        let opened = futures::stream::iter(listing).map(Ok).try_for_each_concurrent(AT_ONCE, |blob| {
            let active = active.contains(&blob.id);
            async move { self.check_blob(blob, active).await }
        });
        opened.await
    }

    async fn check_format(&self) -> Result<()> {
        let limit = MAX_FORMAT_BLOB as u64;
        let blobs = self.repository.blobs();
        let document = blobs.get(&BlobId::new(FORMAT)?, limit).await;
        let settings = blobs.get(&BlobId::new(BLOB_SETTINGS)?, limit).await;
        let found = match (document, settings) {
            (Ok(Some(document)), Ok(settings)) => {
                self.repository.format().reopen(&document, settings.as_deref(), self.begun).map(drop)
            }
            (Ok(None), Ok(_)) => Err(Error::Missing { what: FORMAT.to_owned() }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        match found {
            Ok(()) | Err(Error::Locked { .. }) => Ok(()),
            Err(error @ Error::Store { .. }) => Err(error),
            Err(error) => {
                let what = match &error {
                    Error::Corrupt { key, .. } if key == BLOB_SETTINGS => BLOB_SETTINGS,
                    _ => FORMAT,
                };
                self.block(what, kind_of(&error), error.to_string());
                Ok(())
            }
        }
    }

    async fn check_schedule(&self) -> Result<()> {
        let sealed = match self.repository.blobs().get(&BlobId::new(MAINTENANCE)?, MAX_FORMAT_BLOB as u64).await {
            Ok(None) => return Ok(()),
            Ok(Some(sealed)) => self.repository.format().open_schedule(&sealed).and_then(|json| Schedule::parse(&json)),
            Err(error) => Err(error),
        };
        self.note(MAINTENANCE, sealed.map(drop))
    }

    async fn check_blob(&self, blob: &BlobInfo, active: bool) -> Result<()> {
        match blob.id.family() {
            Family::Index | Family::Uncompacted(_) | Family::Single(_) | Family::Range(..) => {
                self.check_index(blob, active).await
            }
            Family::Session => {
                let marker = self.payload(blob, |_, bytes| match serde_json::from_slice::<Marker>(bytes) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(Error::corrupt(blob.id.as_str(), error.to_string())),
                });
                self.note(blob.id.as_str(), marker.await)
            }
            Family::CompactionLog => {
                let log = self.payload(blob, |id, bytes| v0::CompactionLog::parse(id, bytes).map(drop)).await;
                self.note_needed(blob.id.as_str(), log)
            }
            Family::CleanupLog => {
                let log = self.payload(blob, |_, _| Ok(())).await;
                self.note(blob.id.as_str(), log)
            }
            Family::Log if self.options.level == Level::Everything => match self.payload(blob, |_, _| Ok(())).await {
                Err(error) if !error.is_of_store() => {
                    self.findings().warn(WarningKind::Log, blob.id.as_str(), error.to_string());
                    Ok(())
                }
                other => other,
            },
            Family::InitMarker => self.check_init_marker().await,
            _ => Ok(()),
        }
    }

    async fn check_index(&self, blob: &BlobInfo, active: bool) -> Result<()> {
        let opened = match self.repository.sealed_payload(blob).await {
            Ok(Some(payload)) => {
                count(&self.progress().index_blobs, 1);
                let parsed = Table::parse(payload, PACKED_OVERHEAD);
                parsed.map(drop).map_err(|error| Error::corrupt(blob.id.as_str(), error.to_string()))
            }
            Ok(None) if active => Err(Error::Missing { what: blob.id.to_string() }),
            Ok(None) => Ok(()), // a compaction has replaced it meanwhile
            Err(error) => Err(error),
        };
        if !active {
            return self.note(blob.id.as_str(), opened);
        }
        let lost = opened.is_err() && !self.repository.has_loaded(&blob.id).await;
        let opened = opened.map_err(|error| match error {
            Error::Corrupt { key, reason } if lost => Error::corrupt(key, format!("{reason}; {HIDDEN}")),
            other => other,
        });
        self.note_needed(blob.id.as_str(), opened)?;
        if lost {
            self.findings().lose_index(blob.id.as_str());
        }
        Ok(())
    }

    /// Reads a sealed blob; one that is gone by now was not needed any more.
    async fn payload(&self, blob: &BlobInfo, read: impl Fn(&BlobId, &[u8]) -> Result<()>) -> Result<()> {
        match self.repository.sealed_payload(blob).await? {
            Some(payload) => read(&blob.id, &payload),
            None => Ok(()),
        }
    }

    /// Velero refuses a repository whose marker it can not read, or that is of another one.
    async fn check_init_marker(&self) -> Result<()> {
        let marker = self.repository.blobs().get(&BlobId::new(INIT_MARKER)?, MAX_FORMAT_BLOB as u64).await;
        let read = marker.and_then(|bytes| match bytes.as_deref().map(serde_json::from_slice::<InitMarker>) {
            Some(Err(error)) => Err(Error::corrupt(INIT_MARKER, error.to_string())),
            Some(Ok(marker)) if marker.unique_id.0 != self.repository.format().unique_id => {
                Err(Error::corrupt(INIT_MARKER, "it names another repository"))
            }
            _ => Ok(()),
        });
        self.note(INIT_MARKER, read)
    }

    /// As [`Run::note`], of a blob without which the repository can not be opened.
    fn note_needed(&self, what: &str, found: Result<()>) -> Result<()> {
        match found {
            Err(error) if !error.is_of_store() => {
                self.block(what, kind_of(&error), error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    /// Takes an error about a blob for a damage, and one of the store for the end.
    fn note(&self, what: &str, found: Result<()>) -> Result<()> {
        match found {
            Err(error) if !error.is_of_store() => {
                self.findings().damage(what, kind_of(&error), error.to_string(), 0);
                Ok(())
            }
            other => other,
        }
    }
}

/// The kind of damage that an error tells of.
pub(super) fn kind_of(error: &Error) -> DamageKind {
    match error {
        Error::Missing { .. } => DamageKind::Missing,
        Error::Corrupt { .. } | Error::Denied { .. } => DamageKind::Altered,
        _ => DamageKind::Malformed,
    }
}
