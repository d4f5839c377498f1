//! Writes one backup so that it is seen whole or not at all.
//!
//! Comes in: the tarball through a [`ContentsSink`], the documents as bytes. What was put stays invisible, because a
//! backup exists by its `velero-backup.json`. That is put last and once, after every other object has been read back from
//! the store and hashed, and is then read back itself. When anything fails, what was put is removed again, and a removal
//! that fails is part of the error.
//!
//! Two processes may write the same name at once. The claim, an object beside the others, says whose turn it is: who comes
//! writes its own mark into it, and so takes the name from an attempt that may be dead. Objects are put only where none is,
//! and a writer whose mark is gone publishes nothing and removes nothing. It looks once more after publishing: a newcomer
//! marks the claim before it looks for `velero-backup.json`, so one of the two sees the other (`docs/formats.md`, 1).

use crate::contents::{ContentsSink, Upload};
use crate::digests::{Digest, Digests};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{BackupName, Document};
use crate::objects::{gzip, unique};
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
    /// Our mark in the claim.
    mark: Bytes,
    /// Whether the store keeps the condition that an object is not there.
    conditional: bool,
}

/// Largest claim that is read; ours are far smaller.
const CLAIM_LIMIT: u64 = 1 << 10;

impl BackupWriter {
    /// Takes the name from whoever has it.
    pub(crate) async fn claim(store: Store, name: BackupName) -> Result<Self> {
        let mark = Bytes::from(format!("{{\"writer\":\"{}\"}}\n", unique()));
        let conditional = store.try_conditions(&name.claim(), mark.clone()).await?;
        Ok(BackupWriter { store, name, sent: BTreeMap::new(), upload: None, published: false, mark, conditional })
    }

    /// Whether nobody has taken the name since.
    async fn has_claim(&self) -> Result<bool> {
        match self.store.read(&self.name.claim(), CLAIM_LIMIT).await {
            Ok(mark) => Ok(mark.is_some_and(|mark| mark == self.mark)),
            // It went between the look-up and the reading.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Refuses to go on if somebody has.
    async fn check_claim(&self) -> Result<()> {
        if self.has_claim().await? { Ok(()) } else { Err(self.taken()) }
    }

    fn taken(&self) -> Error {
        let (name, claim) = (&self.name, self.name.claim());
        Error::Exists { what: format!("another attempt at backup {name}, begun later than this one ({claim}),") }
    }

    /// Removes the claim. A claim that stays harms nobody: it is no part of the backup and is deleted with it.
    pub(crate) async fn release(&self) {
        let claim = self.name.claim();
        if let Err(e) = self.store.remove(vec![claim.clone()]).await {
            tracing::debug!(key = claim, error = %e, "the claim was not removed");
        }
    }

    /// Removes objects of an unfinished backup, unless somebody else has taken the name and they are now his.
    pub(crate) async fn remove(&self, keys: Vec<String>) -> Result<()> {
        if keys.is_empty() || !self.has_claim().await? {
            return Ok(());
        }
        self.store.remove(keys).await
    }

    /// A blocking sink for the tarball, to be used from a plain thread; the bytes are uploaded in parts while they come,
    /// with bounded memory. Dropping the sink without [`ContentsSink::close`] abandons the upload.
    pub async fn contents(&mut self) -> Result<ContentsSink> {
        if self.upload.is_some() {
            return Err(Error::invalid(Document::Contents.key(&self.name), "it is being written already"));
        }
        let (upload, sink) = Upload::start(self.store.clone(), Document::Contents.key(&self.name), self.conditional);
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
        self.put_fresh(&key, stored).await
    }

    async fn put_fresh(&self, key: &str, bytes: Bytes) -> Result<()> {
        if self.store.put_fresh(key, bytes).await? { Ok(()) } else { Err(self.taken()) }
    }

    /// Reads back and hashes every object put so far, writes the digest document, then `velero-backup.json`, once.
    /// On any failure nothing is visible.
    pub async fn finish(mut self, backup: Bytes) -> Result<()> {
        let name = self.name.to_string();
        match self.publish(backup).await {
            Ok(()) => Ok(()),
            Err(exists @ Error::Exists { .. }) => Err(exists),
            Err(cause) => {
                // Whatever failed, somebody else was at the same objects, and that is what there is to say.
                let lost = !self.published && matches!(self.has_claim().await, Ok(false));
                let cause = if lost { self.taken() } else { cause };
                match self.abort().await {
                    Ok(()) => Err(cause),
                    Err(removal) => {
                        Err(Error::Abandoned { name, left: with_causes(&removal), source: Box::new(cause) })
                    }
                }
            }
        }
    }

    /// Removes everything put so far, unless somebody else has taken the name.
    pub async fn abort(mut self) -> Result<()> {
        if let Some(upload) = self.upload.take() {
            upload.stop().await;
        }
        self.withdraw().await?;
        if !self.has_claim().await? || self.store.size(&Document::Backup.key(&self.name)).await?.is_some() {
            return Ok(());
        }
        let files = self.sent.keys().cloned();
        let files = files.chain([Document::Contents, Document::Digests].map(|d| d.file(&self.name)));
        let directory = self.name.directory();
        self.remove(files.map(|file| format!("{directory}{file}")).collect()).await?;
        self.release().await;
        Ok(())
    }

    /// Makes the backup invisible again, if it is there and ours.
    async fn withdraw(&mut self) -> Result<()> {
        if !self.published {
            return Ok(());
        }
        let visible = Document::Backup.key(&self.name);
        self.store.remove(vec![visible.clone()]).await?;
        if self.store.size(&visible).await?.is_some() {
            return Err(Error::corrupt(visible, "it is still there although the store confirmed its removal"));
        }
        self.published = false;
        Ok(())
    }

    async fn publish(&mut self, backup: Bytes) -> Result<()> {
        let contents = Document::Contents;
        let Some(digest) = self.upload.as_ref().and_then(Upload::digest) else {
            return Err(Error::invalid(contents.key(&self.name), "the tarball was not completed"));
        };
        self.check_claim().await?;
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
        self.put_fresh(&key, digests.clone()).await?;
        self.store.verify(&key, &Digest::of(&digests)).await?;
        self.store.settle(&directory).await;

        self.check_claim().await?;
        self.show(backup, &sent).await
    }

    /// Puts `velero-backup.json`, and takes it back if somebody has taken the name meanwhile.
    async fn show(&mut self, backup: Bytes, sent: &Digest) -> Result<()> {
        let key = Document::Backup.key(&self.name);
        let exists = Error::Exists { what: format!("backup {}", self.name) };
        if self.store.size(&key).await?.is_some() {
            return Err(exists);
        }
        self.published = true;
        if !self.store.put_new(&key, backup).await? {
            self.published = false;
            return Err(exists);
        }
        self.store.settle(&self.name.directory()).await;
        self.store.verify(&key, sent).await?;
        if !self.has_claim().await? {
            self.withdraw().await?;
            return Err(self.taken());
        }
        self.release().await;
        Ok(())
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
