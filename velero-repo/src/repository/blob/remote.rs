//! Blobs behind OpenDAL: flat below a prefix.

use super::{BlobInfo, Seen, retention};
use crate::error::{Error, Result};
use crate::repository::clock::{Clock, SystemClock};
use crate::repository::format::{Retention, RetentionMode};
use crate::repository::name::BlobId;
use crate::store::{Lock, Locking, Store};
use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use opendal::{ErrorKind, Metadata, Operator};
use std::sync::Arc;

/// What Kopia calls its blobs.
const CONTENT_TYPE: &str = "application/x-kopia";

/// How often a blob is read that others write over meanwhile.
const TRIES: usize = 10;

/// A prefix of an object store.
#[derive(Clone)]
pub(super) struct Remote {
    store: Store,
    operator: Operator,
    locking: Option<Locking>,
    prefix: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl Remote {
    /// `prefix` is empty or ends with a slash.
    pub(super) fn new(store: &Store, prefix: &str) -> Self {
        let operator = store.checked_operator().clone();
        Remote { store: store.clone(), operator, locking: None, prefix: prefix.into(), clock: Arc::new(SystemClock) }
    }

    /// From now on blobs are kept for a time, or not.
    pub(super) fn retain(&mut self, retention: Option<Retention>) -> Result<()> {
        let lock = |Retention { mode, period }| match mode {
            RetentionMode::Governance | RetentionMode::Compliance => Ok(Lock { mode: mode.name(), period }),
            RetentionMode::Locked => {
                Err(Error::invalid(self.store.address(), "S3 has no retention of the mode Locked"))
            }
        };
        self.locking = retention.map(|retention| self.store.locking(lock(retention)?)).transpose()?;
        Ok(())
    }

    /// Keeps a blob for the whole period from now on.
    pub(super) async fn extend_retention(&self, id: &BlobId) -> Result<()> {
        let key = self.key(id)?;
        let locking = self.locking.as_ref().ok_or_else(|| Error::invalid(id.as_str(), "it carries no retention"))?;
        locking.extend(&key).await.map_err(Error::store("extend the retention of", key))
    }

    pub(super) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = clock;
    }

    fn key(&self, id: &BlobId) -> Result<String> {
        match id.as_str() {
            "." | ".." => Err(Error::invalid(format!("blob name {id}"), "it leads out of the repository")),
            name => Ok(format!("{}{name}", self.prefix)),
        }
    }

    /// A whole blob. One that is written over between the look at its size and the read would be read in part, and taken
    /// for damaged: its size is asked for again.
    pub(super) async fn get(&self, id: &BlobId, limit: u64) -> Result<Option<Bytes>> {
        let Some(BlobInfo { mut length, .. }) = self.stat(id).await? else { return Ok(None) };
        for _ in 0..TRIES {
            if length > limit {
                return Err(Error::corrupt(
                    id.as_str(),
                    format!("it has {length} bytes, more than the {limit} that are allowed"),
                ));
            }
            let read = self.get_range(id, 0, length).await;
            match self.stat(id).await? {
                Some(now) if now.length != length => length = now.length,
                Some(_) => return read,
                None => return Ok(None),
            }
        }
        Err(Error::locked(id.as_str(), "others write it faster than it can be read"))
    }

    pub(super) async fn get_range(&self, id: &BlobId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        let key = self.key(id)?;
        let end = offset.checked_add(length).ok_or_else(|| Error::invalid(id.as_str(), "a range of it overflows"))?;
        if length == 0 {
            return Ok(self.stat(id).await?.map(|_| Bytes::new()));
        }
        let bytes = match self.operator.read_with(&key).range(offset..end).await {
            Ok(buffer) => buffer.to_bytes(),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            // A blob that ends too soon is reported in as many ways as there are stores.
            Err(e) => match self.stat(id).await {
                Ok(Some(info)) if info.length < end => return Err(short(id, offset, length, info.length)),
                _ => return Err(Error::store("read", key)(e)),
            },
        };
        match bytes.len() as u64 == length {
            true => Ok(Some(bytes)),
            false => Err(short(id, offset, length, offset + bytes.len() as u64)),
        }
    }

    pub(super) async fn put(&self, id: &BlobId, bytes: Bytes) -> Result<()> {
        self.put_over(id, bytes, &Seen::Unknown).await.map(drop)
    }

    /// What a blob is at present.
    pub(super) async fn seen(&self, id: &BlobId) -> Result<Seen> {
        let key = self.key(id)?;
        let can = self.operator.info().capability();
        match self.operator.stat(&key).await {
            Ok(metadata) if can.write_with_if_match => {
                Ok(metadata.etag().map_or(Seen::Unknown, |tag| Seen::State(tag.to_owned())))
            }
            Err(e) if e.kind() == ErrorKind::NotFound && can.write_with_if_not_exists => Ok(Seen::Absent),
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::store("look up", key)(e)),
            _ => Ok(Seen::Unknown),
        }
    }

    /// Writes a blob if it is still what was seen; whether it was.
    pub(super) async fn put_over(&self, id: &BlobId, bytes: Bytes, seen: &Seen) -> Result<bool> {
        let key = self.key(id)?;
        let locking = self.locking.as_ref().filter(|_| retention::is_kept(id));
        let mut write = locking.map_or(&self.operator, |locking| &locking.put).write_with(&key, bytes);
        write = match seen {
            Seen::Absent => write.if_not_exists(true),
            Seen::State(tag) => write.if_match(tag),
            Seen::Unknown => write,
        };
        if self.operator.info().capability().write_with_content_type {
            write = write.content_type(CONTENT_TYPE);
        }
        match write.await {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == ErrorKind::ConditionNotMatch => Ok(false),
            Err(e) => Err(Error::store("write", key)(e)),
        }
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        let start = format!("{}{prefix}", self.prefix);
        let mut lister = match self.operator.lister_with(&start).recursive(true).await {
            Ok(lister) => lister,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::store("list", start)(e)),
        };
        let mut blobs = Vec::new();
        while let Some(entry) = lister.try_next().await.map_err(Error::store("list", start.clone()))? {
            let name = entry.path().strip_prefix(&*self.prefix).filter(|name| name.starts_with(prefix));
            let id = name.and_then(|name| BlobId::new(name).ok());
            if let Some(id) = id.filter(|_| entry.metadata().is_file()) {
                blobs.push(self.info(id, entry.metadata()));
            }
        }
        Ok(blobs)
    }

    pub(super) async fn stat(&self, id: &BlobId) -> Result<Option<BlobInfo>> {
        let key = self.key(id)?;
        match self.operator.stat(&key).await {
            Ok(metadata) => Ok(metadata.is_file().then(|| self.info(id.clone(), &metadata))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::store("look up", key)(e)),
        }
    }

    pub(super) async fn delete(&self, id: &BlobId) -> Result<()> {
        let key = self.key(id)?;
        match self.operator.delete(&key).await {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::store("delete", key)(e)),
            _ => Ok(()),
        }
    }

    fn info(&self, id: BlobId, metadata: &Metadata) -> BlobInfo {
        let modified: Option<Timestamp> = metadata.last_modified().map(opendal::raw::Timestamp::into_inner);
        BlobInfo { id, length: metadata.content_length(), modified: modified.unwrap_or_else(|| self.clock.now()) }
    }
}

fn short(id: &BlobId, offset: u64, length: u64, end: u64) -> Error {
    Error::corrupt(id.as_str(), format!("{length} bytes from {offset} on were wanted, and it ends at {end}"))
}
