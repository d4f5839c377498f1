//! Another password.

use super::Repository;
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::format::{Format, MAX_FORMAT_BLOB, Password};
use crate::repository::name::{BLOB_SETTINGS, BlobId, FORMAT};
use bytes::Bytes;

impl Repository {
    /// Makes `password` the one that opens the repository; nothing else changes. Programs that have it open go on until
    /// they read the format again. The settings are written first and put back if the format can not be written.
    ///
    /// # Errors
    /// Invalid: the repository was made in a format that can not change it. Denied: it was opened for reading only. The
    /// store's.
    pub async fn change_password(&self, password: Password) -> Result<()> {
        self.check_writable()?;
        self.blobs().check_retention(self.format().settings.retention)?;
        let Some((before, settings)) = super::format_blobs(self.blobs()).await? else {
            return Err(Error::Missing { what: format!("the repository in {}", self.blobs().address()) });
        };
        let (format, now) = (self.format(), self.now());
        let (old, old_settings) = (before.clone(), settings.clone());
        let (document, sealed, changed) = blocking(move || {
            let current = format.reopen(&old, old_settings.as_deref(), now)?;
            let (document, sealed) = current.documents(&password)?;
            let changed = Format::open(&document, Some(&sealed), &password, now)?;
            Ok((Bytes::from(document), Bytes::from(sealed), changed))
        })
        .await?;
        let (settings_id, format_id) = (BlobId::new(BLOB_SETTINGS)?, BlobId::new(FORMAT)?);
        self.blobs().put(&settings_id, sealed).await?;
        if let Err(error) = self.blobs().put(&format_id, document.clone()).await {
            // The answer may be lost, and not the blob.
            if self.blobs().get(&format_id, MAX_FORMAT_BLOB as u64).await?.as_ref() != Some(&document) {
                match settings {
                    Some(settings) => self.blobs().put(&settings_id, settings).await?,
                    None => self.blobs().delete(&settings_id).await?,
                }
                return Err(error);
            }
        }
        self.set_format(changed, now)
    }
}
