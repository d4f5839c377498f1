//! The backup that a restore reads: its documents in memory, its objects in a spool on disk.
//!
//! Comes in: a store and the name of a backup. Goes out: a [`Source`]. Refused: a backup that is not finished, a
//! document that does not parse, a tarball that is damaged or differs from its digest.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Read;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Handle;
use velero_core::api::{Backup, BackupPhase, BackupVolumeInfo};
use velero_core::archive::{Limits, Spool};
use velero_core::name::hex;
use velero_core::pipeline::restore::VolumeFacts;
use velero_core::plan::PlannedBackup;
use velero_core::{GroupResource, ItemId};
use velero_repo::{BackupName, BackupStore, Document};

/// Largest document that is read into memory.
const DOCUMENT_LIMIT: u64 = 1 << 30;

/// A backup, ready to be restored.
pub(super) struct Source {
    /// Its name, and what its tarball was when it was read.
    pub planned: PlannedBackup,
    /// Its objects.
    pub spool: Spool,
    /// What it knows of volume data.
    pub volumes: VolumeFacts,
}

impl Source {
    /// Reads the backup `name`; `keeps_versions` keeps what it holds in other API versions than the preferred ones.
    pub(super) async fn load(store: &BackupStore, name: &str, keeps_versions: bool) -> Result<Source> {
        let name = BackupName::new(name)?;
        let Some(backup) = document::<Backup>(store, &name, Document::Backup).await? else {
            return Err(velero_repo::Error::Missing { what: format!("backup {name}") }.into());
        };
        check_phase(&backup)?;
        let (spool, contents_sha256, contents_bytes) =
            spool(store.open_contents(&name).await?, keeps_versions).await.map_err(|error| damaged(&name, error))?;
        let volumes = volumes(store, &name, &spool).await?;
        let planned = PlannedBackup { name: name.to_string(), contents_sha256, contents_bytes };
        Ok(Source { planned, spool, volumes })
    }

    /// The namespaces that hold objects, sorted.
    pub(super) fn namespaces(&self) -> Vec<String> {
        let resources = self.spool.resources();
        let mut all: Vec<String> = resources
            .iter()
            .flat_map(|r| self.spool.namespaces(r))
            .map(str::to_owned)
            .filter(|n| !n.is_empty())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The newest finished backup of `schedule` (spec 6.1, 8).
pub(super) async fn newest_of_schedule(store: &BackupStore, schedule: &str) -> Result<String> {
    let mut newest: Option<(String, String)> = None;
    for name in store.list().await? {
        let Some(backup) = document::<Backup>(store, &name, Document::Backup).await? else { continue };
        let of_schedule = backup.metadata.labels.get("velero.io/schedule-name").is_some_and(|label| label == schedule);
        let started = backup.status.start_timestamp.clone().unwrap_or_default();
        if of_schedule && backup.status.phase == Some(BackupPhase::Completed) {
            newest = newest.max(Some((started, name.to_string())));
        }
    }
    let what =
        || Error::Core(velero_core::Error::invalid("restore", format!("schedule {schedule} has no completed backup")));
    newest.map(|(_, name)| name).ok_or_else(what)
}

/// Only a finished backup is restored; a document without a phase is taken as finished.
fn check_phase(backup: &Backup) -> Result<()> {
    match &backup.status.phase {
        None | Some(BackupPhase::Completed | BackupPhase::PartiallyFailed) => Ok(()),
        Some(phase) => {
            let what = format!("backup {}", backup.metadata.name);
            Err(velero_core::Error::invalid(what, format!("it is {phase} and can not be restored")).into())
        }
    }
}

/// A document that is a list; `None` if it is missing or, as Velero writes lists without elements, `null`.
async fn list<T: DeserializeOwned>(store: &BackupStore, name: &BackupName, kind: Document) -> Result<Option<Vec<T>>> {
    Ok(document::<Option<Vec<T>>>(store, name, kind).await?.flatten())
}

/// One document; `None` if it is missing.
async fn document<T: DeserializeOwned>(
    store: &BackupStore,
    name: &BackupName,
    document: Document,
) -> Result<Option<T>> {
    let Some(bytes) = store.read(name, document, DOCUMENT_LIMIT).await? else { return Ok(None) };
    let what = || format!("{document:?} of backup {name}");
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| velero_core::Error::Document { what: what(), source }.into())
}

/// Names the tarball in which something was found damaged.
fn damaged(name: &BackupName, error: Error) -> Error {
    match error {
        Error::Core(refused @ velero_core::Error::Archive { .. }) => {
            velero_repo::Error::Corrupt { key: Document::Contents.key(name), reason: refused.to_string() }.into()
        }
        other => other,
    }
}

/// Reads a tarball into a spool; returns the SHA-256 and size of what was read.
async fn spool(reader: Box<dyn AsyncRead + Send + Unpin>, keeps_versions: bool) -> Result<(Spool, String, u64)> {
    let handle = Handle::current();
    let read = move || {
        let mut reader = Hashed { reader, handle, hash: Sha256::new(), bytes: 0 };
        let limits = Limits::default();
        let spool = match keeps_versions {
            true => Spool::read_versions(&mut reader, &limits)?,
            false => Spool::read(&mut reader, &limits)?,
        };
        // What follows the end of the archive belongs to the digest too.
        std::io::copy(&mut reader, &mut std::io::sink())
            .map_err(|source| velero_core::Error::Io { operation: "reading the tarball".into(), source })?;
        Ok((spool, hex(&reader.hash.finalize()), reader.bytes))
    };
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(Error::Cancelled))
}

/// A blocking reader over an asynchronous one, for use on a plain thread; hashes what passes.
struct Hashed {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    handle: Handle,
    hash: Sha256,
    bytes: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.handle.block_on(self.reader.read(buffer))?;
        self.hash.update(&buffer[..got]);
        self.bytes += got as u64;
        Ok(got)
    }
}

async fn volumes(store: &BackupStore, name: &BackupName, spool: &Spool) -> Result<VolumeFacts> {
    let infos = list::<BackupVolumeInfo>(store, name, Document::VolumeInfo).await?;
    let snapshots = list::<Value>(store, name, Document::VolumeSnapshots).await?.unwrap_or_default();
    let snapshotted = |snapshot: &Value| snapshot["spec"]["persistentVolumeName"].as_str().map(str::to_owned);
    let mut volumes = VolumeFacts {
        pod_volume_backups: list(store, name, Document::PodVolumeBackups).await?.unwrap_or_default(),
        native_snapshots: snapshots.iter().filter_map(snapshotted).collect(),
        ..VolumeFacts::default()
    };
    match infos {
        Some(infos) => {
            let named = infos.into_iter().filter(|info| !info.pv_name.is_empty());
            volumes.infos = named.map(|info| (info.pv_name.clone(), info)).collect();
        }
        None => {
            volumes.volume_snapshots = archived(spool, "volumesnapshots.snapshot.storage.k8s.io");
            volumes.data_uploads = archived(spool, "datauploads.velero.io");
        }
    }
    Ok(volumes)
}

/// Every object of one resource of the archive; what does not parse is reported when its turn comes.
fn archived(spool: &Spool, resource: &str) -> Vec<Value> {
    let resource = GroupResource::parse(resource);
    let mut objects = Vec::new();
    for namespace in spool.namespaces(&resource) {
        for name in spool.names(&resource, namespace) {
            let body = spool.get(&ItemId::new(resource.clone(), namespace, name)).ok().flatten();
            objects.extend(body.and_then(|body| serde_json::from_slice::<Value>(&body).ok()));
        }
    }
    objects
}
