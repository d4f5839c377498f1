//! What a store holds, as documents: backups and restores by name, with errors that help.

use anyhow::{Context as _, anyhow};
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use velero_core::api::{Backup, Restore};
use velero_repo::store::RestoreDocument;
use velero_repo::{BackupName, BackupStore, Document, RestoreName};

/// Documents read at once.
const CONCURRENCY: usize = 16;
/// Largest document that is read into memory.
pub const DOCUMENT_LIMIT: u64 = 1 << 30;

/// One entry of a listing whose document may be unreadable.
pub type Entry<T> = (String, anyhow::Result<T>);

/// The Backup document of `name`; says which names are near if there is none.
pub async fn backup(store: &BackupStore, name: &BackupName) -> anyhow::Result<Backup> {
    match document(store, name, Document::Backup).await? {
        Some(backup) => Ok(backup),
        None => {
            let names = store.list().await.unwrap_or_default();
            Err(unknown("backup", name.as_str(), names.iter().map(BackupName::as_str), store))
        }
    }
}

/// One JSON document of a backup; `None` if it was not stored or, as Velero writes lists without elements, a list is `null`.
pub async fn document<T: DeserializeOwned>(
    store: &BackupStore,
    name: &BackupName,
    document: Document,
) -> anyhow::Result<Option<T>> {
    let what = || format!("reading the {} of backup {name}", word(document));
    let bytes = store.read(name, document, DOCUMENT_LIMIT).await.with_context(what)?;
    match (bytes, document) {
        (None, _) => Ok(None),
        (Some(bytes), Document::Backup) => serde_json::from_slice(&bytes).map(Some).with_context(what),
        (Some(bytes), _) => serde_json::from_slice(&bytes).with_context(what),
    }
}

/// What a document is called in messages.
fn word(document: Document) -> &'static str {
    match document {
        Document::Backup => "velero-backup.json",
        Document::Contents => "tarball",
        Document::Log => "log",
        Document::Results => "results",
        Document::ResourceList => "resource list",
        Document::VolumeInfo => "volume list",
        Document::PodVolumeBackups => "pod volume backups",
        Document::VolumeSnapshots => "volume snapshots",
        Document::ItemOperations => "item operations",
        _ => "document",
    }
}

/// The named backups, or all of them. A backup whose document is damaged is an entry of its own.
pub async fn backups(store: &BackupStore, names: &[BackupName]) -> anyhow::Result<Vec<Entry<Backup>>> {
    if !names.is_empty() {
        let read = |name: BackupName| async move { Ok((name.to_string(), Ok(backup(store, &name).await?))) };
        return stream::iter(names.to_vec()).map(read).buffered(CONCURRENCY).try_collect().await;
    }
    let names = store.list().await.context("listing backups")?;
    let read = |name: BackupName| async move { (name.to_string(), backup(store, &name).await) };
    Ok(stream::iter(names).map(read).buffered(CONCURRENCY).collect().await)
}

/// The Restore document of `name`.
pub async fn restore(store: &BackupStore, name: &RestoreName) -> anyhow::Result<Restore> {
    let known = store.restores().await.context("listing restores")?;
    match known.iter().find(|(known, _)| known == name) {
        Some((_, backup)) => read_restore(store, name, backup.as_ref()).await,
        None => Err(unknown("restore", name.as_str(), known.iter().map(|(name, _)| name.as_str()), store)),
    }
}

/// The named restores, or all of them.
pub async fn restores(store: &BackupStore, names: &[RestoreName]) -> anyhow::Result<Vec<Entry<Restore>>> {
    if !names.is_empty() {
        let read = |name: RestoreName| async move { Ok((name.to_string(), Ok(restore(store, &name).await?))) };
        return stream::iter(names.to_vec()).map(read).buffered(CONCURRENCY).try_collect().await;
    }
    let known = store.restores().await.context("listing restores")?;
    let read = |(name, backup): (RestoreName, Option<BackupName>)| async move {
        (name.to_string(), read_restore(store, &name, backup.as_ref()).await)
    };
    Ok(stream::iter(known).map(read).buffered(CONCURRENCY).collect().await)
}

/// Reads the Restore document. Velero keeps that one in its cluster only, so for a restore of Velero's what can be known from
/// the bucket is put together: its name and its problem counts.
async fn read_restore(store: &BackupStore, name: &RestoreName, backup: Option<&BackupName>) -> anyhow::Result<Restore> {
    if let Some(restore) = restore_document(store, name, RestoreDocument::Restore).await? {
        return Ok(restore);
    }
    let mut restore = Restore::new(name.as_str(), Default::default());
    restore.spec.backup_name = backup.map(ToString::to_string).unwrap_or_default();
    restore.status.phase = Some(velero_core::api::RestorePhase::Unknown("Unknown".into()));
    let results: Option<velero_core::Results> = restore_document(store, name, RestoreDocument::Results).await?;
    if let Some(results) = results {
        restore.status.warnings = results.warnings.count() as u64;
        restore.status.errors = results.errors.count() as u64;
    }
    Ok(restore)
}

/// One JSON document of a restore; `None` if it was not stored or is `null`.
pub async fn restore_document<T: DeserializeOwned>(
    store: &BackupStore,
    name: &RestoreName,
    document: RestoreDocument,
) -> anyhow::Result<Option<T>> {
    let what = || format!("reading the documents of restore {name}");
    let bytes = store.read_restore(name, document, DOCUMENT_LIMIT).await.with_context(what)?;
    bytes.map_or(Ok(None), |bytes| serde_json::from_slice(&bytes).with_context(what))
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>, store: &BackupStore) -> anyhow::Error {
    let near = near(name, known);
    let address = store.store().address();
    match near.is_empty() {
        true => anyhow!("{kind} {name} does not exist in {address}; `velero {kind} get` lists those that do"),
        false => anyhow!("{kind} {name} does not exist in {address}; did you mean {}?", near.join(" or ")),
    }
}

/// Up to three known names that differ from `name` by a slip of the finger or continue it.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let allowed = 1 + name.len() / 4;
    let mut found: Vec<(usize, &str)> = known
        .map(|other| (distance(name, other), other))
        .map(|(d, other)| (if other.starts_with(name) { d.min(allowed) } else { d }, other))
        .filter(|(d, _)| *d <= allowed)
        .collect();
    found.sort();
    found.into_iter().take(3).map(|(_, other)| other.to_owned()).collect()
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = ["web-1", "web-2", "database", "web-nightly-20260101000000"];
        let check = |name: &str, expected: &[&str]| assert_eq!(near(name, known.into_iter()), expected, "{name}");
        check("web1", &["web-1", "web-2"]);
        check("databsae", &["database"]);
        check("databas", &["database"]);
        check("web-nightly", &["web-nightly-20260101000000"]);
        check("nothing", &[]);
    }

    #[test]
    fn distances_count_single_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
