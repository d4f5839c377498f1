//! The documents of restores.
//!
//! Ours lie in `backups/<b>/restores/<r>/`, where Velero's deletion of the backup finds them (D2); Velero's lie in
//! `restores/<r>/`. Both are read. A restore of Velero's does not store which backup it was of; its log says so.

use crate::backups::BackupStore;
use crate::digests::Digest;
use crate::error::{Error, Result};
use crate::layout::{BACKUPS, BackupName, RESTORES, RestoreDocument, RestoreName};
use crate::objects::{AT_ONCE, ObjectInfo, decoder, gunzip, gzip};
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;

/// Largest stored log in which the name of the backup is looked for, and the part of its text that is looked through:
/// the line is among the first.
const LOG_LIMIT: u64 = 16 << 20;
const LOG_TEXT: u64 = 4 << 20;

impl BackupStore {
    /// The restores of which this store keeps documents, with the backup they belong to if it is known.
    pub async fn restores(&self) -> Result<Vec<(RestoreName, Option<BackupName>)>> {
        let mut restores = Vec::new();
        for backup in self.backup_directories().await? {
            let names = self.store().list_directories(&backup.restores()).await?;
            let names = names.into_iter().filter_map(|name| RestoreName::new(name).ok());
            restores.extend(names.map(|name| (name, Some(backup.clone()))));
        }
        let names = self.store().list_directories(RESTORES).await?;
        let veleros: Vec<_> = futures::stream::iter(names.into_iter().filter_map(|name| RestoreName::new(name).ok()))
            .map(|name| async move {
                let backup = self.backup_in_log(&name).await;
                (name, backup)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        restores.extend(veleros);
        restores.sort();
        Ok(restores)
    }

    /// The names of the restores of one backup, ours and Velero's.
    pub async fn restores_of(&self, backup: &BackupName) -> Result<Vec<RestoreName>> {
        let all = self.restores().await?;
        Ok(all.into_iter().filter(|(_, of)| of.as_ref() == Some(backup)).map(|(name, _)| name).collect())
    }

    /// Puts one document of a restore of `backup` and reads it back. JSON and logs whose name ends in `gz` are
    /// compressed here.
    pub async fn put_restore(
        &self,
        backup: &BackupName,
        restore: &RestoreName,
        file: RestoreDocument,
        bytes: Bytes,
    ) -> Result<()> {
        let key = format!("{}{}", restore.directory(backup), file.file(restore));
        let stored = if file.is_gzip() { gzip(&key, &bytes).await? } else { bytes };
        let sent = Digest::of(&stored);
        self.store().put(&key, stored).await?;
        self.store().verify(&key, &sent).await
    }

    /// Checks that `restore` may be run on `backup`: its documents must not be in the store. A run that was killed while
    /// it stored them left some, but not the Restore document, which comes last; another run of that backup replaces them.
    ///
    /// # Errors
    /// [`Error::Exists`] if the restore is there, be it ours, Velero's or the unfinished one of another backup.
    pub async fn refuse_existing_restore(&self, backup: &BackupName, restore: &RestoreName) -> Result<()> {
        let unfinished = restore.directory(backup);
        let last = format!("{unfinished}{}", RestoreDocument::Restore.file(restore));
        let objects = self.restore_objects(restore).await?;
        match objects.iter().find(|object| !object.key.starts_with(&unfinished) || object.key == last) {
            Some(_) => Err(Error::Exists { what: format!("restore {restore}") }),
            None => Ok(()),
        }
    }

    /// Reads one document of a restore, unzipped; `None` if it does not exist.
    pub async fn read_restore(
        &self,
        restore: &RestoreName,
        file: RestoreDocument,
        limit: u64,
    ) -> Result<Option<Bytes>> {
        for directory in self.restore_directories(restore).await? {
            let key = format!("{directory}{}", file.file(restore));
            if let Some(stored) = self.store().read(&key, limit.saturating_add(limit / 1000 + 1024)).await? {
                return if file.is_gzip() { gunzip(&key, &stored, limit).await.map(Some) } else { Ok(Some(stored)) };
            }
        }
        Ok(None)
    }

    /// All objects that belong to a restore.
    pub async fn restore_objects(&self, restore: &RestoreName) -> Result<Vec<ObjectInfo>> {
        let mut objects = Vec::new();
        for directory in self.restore_directories(restore).await? {
            objects.extend(self.store().list_objects(&directory).await?);
        }
        Ok(objects)
    }

    /// Every directory that holds documents of `restore`: ours in byte order of the backups, then Velero's.
    async fn restore_directories(&self, restore: &RestoreName) -> Result<Vec<String>> {
        let candidates = self.backup_directories().await?.into_iter().map(|backup| restore.directory(&backup));
        let found: Vec<Option<String>> = futures::stream::iter(candidates.chain([restore.velero_directory()]))
            .map(|directory| async move {
                let objects = self.store().list_objects(&directory).await?;
                Ok::<_, crate::Error>((!objects.is_empty()).then_some(directory))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Directories below `backups/` by name, whether or not they are whole backups.
    async fn backup_directories(&self) -> Result<Vec<BackupName>> {
        let names = self.store().list_directories(BACKUPS).await?;
        Ok(names.into_iter().filter_map(|name| BackupName::new(name).ok()).collect())
    }

    /// The backup that Velero's log of a restore names; a log that is missing or unreadable names none.
    async fn backup_in_log(&self, restore: &RestoreName) -> Option<BackupName> {
        let key = format!("{}{}", restore.velero_directory(), RestoreDocument::Log.file(restore));
        let stored = self.store().read(&key, LOG_LIMIT).await.ok()??;
        let mut text = Vec::new();
        // A log that ends early, or is longer, may still have the line.
        let _ = decoder(&stored).take(LOG_TEXT).read_to_end(&mut text).await;
        backup_of_log(&String::from_utf8_lossy(&text))
    }
}

/// Finds `Starting restore of backup <namespace>/<name>` in a log of text or JSON lines.
fn backup_of_log(text: &str) -> Option<BackupName> {
    let (_, rest) = text.split_once("Starting restore of backup ")?;
    let reference = rest.split(|c: char| c.is_whitespace() || c == '"' || c == '\\').next()?;
    let name = reference.rsplit('/').next()?;
    BackupName::new(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn velero_names_the_backup_in_its_log() {
        let name = |text| backup_of_log(text).map(|name| name.to_string());
        let line =
            r#"time="2026-01-01T00:00:00Z" level=info msg="Starting restore of backup velero/web-1" logSource="x""#;
        assert_eq!(name(line).as_deref(), Some("web-1"));
        assert_eq!(name(r#"{"msg":"Starting restore of backup velero/b","x":1}"#).as_deref(), Some("b"));
        assert_eq!(name("Starting restore of backup velero/../x/.."), None);
        assert_eq!(name("something else"), None);
    }
}
