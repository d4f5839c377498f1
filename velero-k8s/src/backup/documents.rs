//! The documents of a finished backup (spec 1.2): everything beside the tarball.

use super::BackupReport;
use super::journal::rfc3339;
use super::run::Finished;
use crate::{Error, Result};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use velero_core::api::backup::BackupProgress;
use velero_core::api::{self, BackupPhase, BackupVolumeInfo};
use velero_core::pipeline::item_set::ItemSet;
use velero_core::problem::Outcome;
use velero_core::{ResourceTable, Severity};
use velero_repo::Document;
use velero_repo::store::BackupWriter;

/// All that a run found out.
pub(super) struct Results {
    report: BackupReport,
    written: ItemSet,
    volumes: Vec<BackupVolumeInfo>,
    log: Vec<u8>,
}

impl Results {
    /// Computes phase and counts.
    pub(super) fn new(finished: Finished, mut backup: api::Backup) -> Self {
        let count = |severity| finished.problems.iter().filter(|p| p.severity == severity).count() as u64;
        let status = &mut backup.status;
        status.warnings = count(Severity::Warning);
        status.errors = count(Severity::Error);
        status.phase = Some(match Outcome::of(&finished.problems) {
            Outcome::Completed => BackupPhase::Completed,
            _ => BackupPhase::PartiallyFailed,
        });
        status.completion_timestamp = Some(rfc3339(Timestamp::now()));
        let items = finished.written.len();
        status.progress =
            Some(BackupProgress { total_items: items, items_backed_up: items, ..BackupProgress::default() });
        let report = BackupReport { backup, problems: finished.problems, contents_bytes: finished.contents_bytes };
        Results { report, written: finished.written, volumes: finished.volumes, log: finished.log }
    }
}

/// Puts every document but `velero-backup.json`.
pub(super) async fn put(writer: &mut BackupWriter, results: Results, table: &ResourceTable) -> Result<BackupReport> {
    let Results { report, written, volumes, log } = results;
    writer.put(Document::Log, log.into()).await?;
    let problems = velero_core::Results::from_problems(&report.problems);
    writer.put(Document::Results, json(Document::Results, &problems)?).await?;
    writer.put(Document::ResourceList, resource_list(written, table)?).await?;
    writer.put(Document::VolumeInfo, json(Document::VolumeInfo, &volumes)?).await?;
    for empty in [Document::PodVolumeBackups, Document::VolumeSnapshots, Document::ItemOperations] {
        writer.put(empty, Bytes::from_static(b"[]\n")).await?;
    }
    Ok(report)
}

/// `velero-backup.json`.
pub(super) fn pretty(backup: &api::Backup) -> Result<Bytes> {
    let text = serde_json::to_vec_pretty(backup).map_err(|e| unwritable(Document::Backup, e))?;
    Ok(text.into())
}

fn json(document: Document, value: &impl Serialize) -> Result<Bytes> {
    let mut text = serde_json::to_vec(value).map_err(|e| unwritable(document, e))?;
    text.push(b'\n');
    Ok(text.into())
}

fn unwritable(document: Document, source: serde_json::Error) -> Error {
    velero_core::Error::Document { what: format!("{document:?}"), source }.into()
}

/// `{"v1/Pod":["ns/name",…],…}` with sorted names. Written by hand: as a map of strings it would take several times
/// the memory of the set it comes from.
fn resource_list(written: ItemSet, table: &ResourceTable) -> Result<Bytes> {
    let mut keyed: Vec<_> = written.resources().filter_map(|r| table.get(r).map(|row| (row, r))).collect();
    keyed.sort_by_cached_key(|(row, _)| format!("{}/{}", row.api_version(), row.kind));
    let mut text = Vec::with_capacity(usize::try_from(written.len()).unwrap_or(0) * 48);
    text.push(b'{');
    for (index, (row, resource)) in keyed.into_iter().enumerate() {
        let key = format!("{}/{}", row.api_version(), row.kind);
        separate(&mut text, index);
        push(&mut text, &key)?;
        text.extend_from_slice(b":[");
        for (index, (namespace, name)) in written.of(resource).enumerate() {
            separate(&mut text, index);
            let name = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
            push(&mut text, &name)?;
        }
        text.push(b']');
    }
    text.extend_from_slice(b"}\n");
    Ok(text.into())
}

fn separate(text: &mut Vec<u8>, index: usize) {
    if index > 0 {
        text.push(b',');
    }
}

fn push(text: &mut Vec<u8>, string: &str) -> Result<()> {
    serde_json::to_writer(text, string).map_err(|e| unwritable(Document::ResourceList, e))
}
