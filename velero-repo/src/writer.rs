//! Writes one backup so that it is seen whole or not at all.
//!
//! Comes in: the tarball through a [`ContentsSink`], the documents as bytes. What was put stays invisible, because a
//! backup exists by its `velero-backup.json`. That is put last and once, after every other object has been read back from
//! the store and hashed, and is then read back itself. When anything fails, what was put is removed again, and a removal
//! that fails is part of the error.

use crate::contents::{ContentsSink, Upload};
use crate::digests::{Digest, Digests};
use crate::error::{Error, Result};
use crate::layout::{BackupName, Document};
use crate::objects::{gzip, partial};
use crate::store::Store;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;

/// Objects read back at once.
const VERIFIED_AT_ONCE: usize = 4;

/// A backup being written; invisible until [`BackupWriter::finish`] returns.
pub struct BackupWriter {
    store: Store,
    name: BackupName,
    /// What was sent, by file name.
    sent: BTreeMap<String, Digest>,
    upload: Option<Upload>,
    /// Whether `velero-backup.json` may be there, and ours.
    published: bool,
}

impl BackupWriter {
    pub(crate) fn new(store: Store, name: BackupName) -> Self {
        BackupWriter { store, name, sent: BTreeMap::new(), upload: None, published: false }
    }

    /// A blocking sink for the tarball, to be used from a plain thread; the bytes are uploaded in parts while they come,
    /// with bounded memory. Dropping the sink without [`ContentsSink::close`] abandons the upload.
    pub async fn contents(&mut self) -> Result<ContentsSink> {
        if self.upload.is_some() {
            return Err(Error::invalid(Document::Contents.key(&self.name), "it is being written already"));
        }
        let (upload, sink) = Upload::start(self.store.clone(), Document::Contents.key(&self.name));
        self.upload = Some(upload);
        Ok(sink)
    }

    /// Puts one document (not the tarball, not `velero-backup.json`); compressed here where its name ends in `gz`.
    pub async fn put(&mut self, document: Document, plain: Bytes) -> Result<()> {
        let (file, key) = (document.file(&self.name), document.key(&self.name));
        if matches!(document, Document::Backup | Document::Contents | Document::Digests) {
            return Err(Error::invalid(key, "it is not put like other documents"));
        }
        if self.sent.contains_key(&file) {
            return Err(Error::invalid(key, "it has been put already"));
        }
        let stored = if document.is_gzip() { gzip(&key, &plain).await? } else { plain };
        // Listed before it is sent: a failed attempt may have stored something too.
        self.sent.insert(file, Digest::of(&stored));
        self.store.put(&key, stored).await
    }

    /// Reads back and hashes every object put so far, writes the digest document, then `velero-backup.json`, once.
    /// On any failure nothing is visible.
    pub async fn finish(mut self, backup: Bytes) -> Result<()> {
        let name = self.name.to_string();
        match self.publish(backup).await {
            Ok(()) => Ok(()),
            Err(exists @ Error::Exists { .. }) => Err(exists),
            Err(cause) => match self.abort().await {
                Ok(()) => Err(cause),
                Err(removal) => Err(Error::Abandoned { name, left: with_causes(&removal), source: Box::new(cause) }),
            },
        }
    }

    /// Removes everything put so far.
    pub async fn abort(mut self) -> Result<()> {
        if let Some(upload) = self.upload.take() {
            upload.stop().await;
        }
        let visible = Document::Backup.key(&self.name);
        if self.published {
            self.store.remove(vec![visible.clone(), partial(&visible)]).await?;
        }
        if self.store.size(&visible).await?.is_some() {
            if self.published {
                return Err(Error::corrupt(visible, "it is still there although the store confirmed its removal"));
            }
            // Somebody else has finished a backup of this name meanwhile. It is not ours to damage.
            return Ok(());
        }
        let files = self.sent.into_keys().chain([Document::Contents, Document::Digests].map(|d| d.file(&self.name)));
        let directory = self.name.directory();
        let keys = files.flat_map(|file| [format!("{directory}{file}"), partial(&format!("{directory}{file}"))]);
        self.store.remove(keys.collect()).await
    }

    async fn publish(&mut self, backup: Bytes) -> Result<()> {
        let contents = Document::Contents;
        let Some(digest) = self.upload.as_ref().and_then(Upload::digest) else {
            return Err(Error::invalid(contents.key(&self.name), "the tarball was not completed"));
        };
        let mut objects = self.sent.clone();
        objects.insert(contents.file(&self.name), digest);
        let directory = self.name.directory();
        // Owned pairs: with borrowed ones the compiler can not see that the future is `Send`.
        futures::stream::iter(objects.clone())
            .map(|(file, sent)| {
                let (store, key) = (&self.store, format!("{directory}{file}"));
                async move { store.verify(&key, &sent).await }
            })
            .buffer_unordered(VERIFIED_AT_ONCE)
            .try_collect::<()>()
            .await?;

        let sent = Digest::of(&backup);
        objects.insert(Document::Backup.file(&self.name), sent.clone());
        let digests = Bytes::from(Digests::new(objects).to_json()?);
        let key = Document::Digests.key(&self.name);
        self.store.put(&key, digests.clone()).await?;
        self.store.verify(&key, &Digest::of(&digests)).await?;
        self.store.settle(&directory).await;

        let key = Document::Backup.key(&self.name);
        if self.store.size(&key).await?.is_some() {
            return Err(Error::Exists { what: format!("backup {}", self.name) });
        }
        self.published = true;
        if !self.store.put_new(&key, backup).await? {
            self.published = false;
            return Err(Error::Exists { what: format!("backup {}", self.name) });
        }
        self.store.settle(&directory).await;
        self.store.verify(&key, &sent).await
    }
}

/// An error with its chain of causes, on one line.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
