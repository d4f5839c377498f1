//! Blobs in an object store: names become keys, flat or sharded.
//!
//! ```text
//! object store   prefix + name
//! directory      shard directories / rest of the name + ".f"      sizes of the shards in `.shards`
//! ```
//!
//! Comes in: names and bytes. Goes out: the bytes that were asked for, exactly, or none. A blob larger than its limit, or
//! one that ends before the range that was asked for, is refused by name. A directory is read and written directly, with
//! `pread` and with temporary files that are synced and renamed, because a repository asks for thousands of small ranges;
//! everything else goes through OpenDAL. Every operation waits for the store; those called `…_blocking` are for plain
//! threads, and panic on a thread of the runtime when the store is remote.

mod conditional;
mod directory;
pub(crate) mod disk;
mod growing;
mod remote;
pub(crate) mod retention;
mod sharding;
#[cfg(test)]
mod tests;

use super::clock::Clock;
use super::format::Retention;
use super::name::BlobId;
use crate::error::{Error, Result};
use crate::store::Store;
use bytes::Bytes;
use directory::Directory;
use jiff::Timestamp;
use remote::Remote;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;

pub(crate) use conditional::Seen;
pub(crate) use growing::Growing;
pub use sharding::Shards;

/// One blob of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name.
    pub id: BlobId,
    /// Its size in bytes.
    pub length: u64,
    /// When it was written, by the store's clock. A store that does not say is taken to say: just now, so that nothing
    /// in it is ever old enough to be collected.
    pub modified: Timestamp,
}

/// The blobs of one repository. Cheap to clone.
#[derive(Clone)]
pub struct BlobStore {
    backend: Backend,
    address: Arc<str>,
    runtime: Handle,
    /// What blobs get that the format wants kept for a time.
    retention: Option<Retention>,
}

#[derive(Clone)]
enum Backend {
    Directory(Directory),
    Remote(Arc<Remote>),
}

impl std::fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BlobStore").field(&self.address).finish()
    }
}

impl BlobStore {
    /// The blobs directly below the store's own prefix, as `kopia` has them.
    ///
    /// # Errors
    /// A directory whose `.shards` can not be read.
    pub async fn open(store: &Store) -> Result<BlobStore> {
        BlobStore::at(store, "").await
    }

    /// The blobs of Velero's repository for the volumes of `namespace`, below `kopia/<namespace>/`.
    ///
    /// # Errors
    /// A namespace that Kubernetes would not take; a directory whose `.shards` can not be read.
    pub async fn of_namespace(store: &Store, namespace: &str) -> Result<BlobStore> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=63).contains(&namespace.len()) || !namespace.bytes().all(allowed) {
            let reason = "it must be 1 to 63 small letters, digits and hyphens";
            return Err(Error::invalid(format!("namespace {namespace:.80?}"), reason));
        }
        BlobStore::at(store, &format!("kopia/{namespace}/")).await
    }

    async fn at(store: &Store, prefix: &str) -> Result<BlobStore> {
        let info = store.operator().info();
        let address = match prefix {
            "" => store.address().to_owned(),
            prefix => format!("{}/{}", store.address().trim_end_matches('/'), prefix.trim_end_matches('/')),
        };
        let backend = if info.scheme() == "fs" {
            let root = std::path::Path::new(&*info.root()).join(prefix);
            Backend::Directory(blocking(move || Directory::open(root)).await?)
        } else {
            Backend::Remote(Arc::new(Remote::new(store, prefix)))
        };
        Ok(BlobStore { backend, address: address.into(), runtime: Handle::current(), retention: None })
    }

    /// Whether the blobs lie in a directory of this machine, where a read waits for no network.
    pub fn is_directory(&self) -> bool {
        matches!(self.backend, Backend::Directory(_))
    }

    /// The address without secrets, for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Takes the times of blobs from `clock`: a directory gives them to the files that are written from now on, a store
    /// that keeps no times answers with the present.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        match &mut self.backend {
            Backend::Directory(directory) => directory.set_clock(clock),
            Backend::Remote(remote) => Arc::make_mut(remote).set_clock(clock),
        }
        self
    }

    /// Lets calls of a directory go wrong from now on.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_trouble(mut self, trouble: &Arc<disk::trouble::Trouble>) -> Self {
        if let Backend::Directory(directory) = &mut self.backend {
            directory.set_trouble(trouble.clone());
        }
        self
    }

    /// Lays down what the store needs before its first blob: in a directory `.shards`, if it is not there. `new` says
    /// that the repository is being created; a directory that merely lost its `.shards` has been sharded otherwise.
    ///
    /// # Errors
    /// The store's.
    pub async fn prepare(&self, new: bool) -> Result<()> {
        match &self.backend {
            Backend::Directory(directory) => {
                let directory = directory.clone();
                blocking(move || directory.prepare(new)).await
            }
            Backend::Remote(_) => Ok(()),
        }
    }

    /// A whole blob of at most `limit` bytes; `None` if there is none.
    ///
    /// # Errors
    /// Corrupt if it is larger; the store's.
    pub async fn get(&self, id: &BlobId, limit: u64) -> Result<Option<Bytes>> {
        match &self.backend {
            Backend::Directory(directory) => {
                let (directory, id) = (directory.clone(), id.clone());
                blocking(move || directory.get(&id, limit)).await
            }
            Backend::Remote(remote) => remote.get(id, limit).await,
        }
    }

    /// Exactly `length` bytes of a blob from `offset` on; `None` if there is no such blob.
    ///
    /// # Errors
    /// Corrupt if the blob ends before; the store's.
    pub async fn get_range(&self, id: &BlobId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        match &self.backend {
            Backend::Directory(directory) => {
                let (directory, id) = (directory.clone(), id.clone());
                blocking(move || directory.get_range(&id, offset, length)).await
            }
            Backend::Remote(remote) => remote.get_range(id, offset, length).await,
        }
    }

    /// As [`BlobStore::get_range`], on a plain thread.
    ///
    /// # Errors
    /// As [`BlobStore::get_range`].
    pub fn get_range_blocking(&self, id: &BlobId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        match &self.backend {
            Backend::Directory(directory) => directory.get_range(id, offset, length),
            Backend::Remote(remote) => self.runtime.block_on(remote.get_range(id, offset, length)),
        }
    }

    /// Fills `into` with the bytes of a blob from `offset` on; whether there is such a blob. On a plain thread.
    ///
    /// # Errors
    /// As [`BlobStore::get_range`].
    pub fn read_range_blocking(&self, id: &BlobId, offset: u64, into: &mut [u8]) -> Result<bool> {
        match &self.backend {
            Backend::Directory(directory) => directory.read_range(id, offset, into),
            Backend::Remote(remote) => {
                let found = self.runtime.block_on(remote.get_range(id, offset, into.len() as u64))?;
                Ok(found.map(|bytes| into.copy_from_slice(&bytes)).is_some()) // exactly as long
            }
        }
    }

    /// Writes a blob, at once and durably. One that is there is replaced, which only blobs without a unique name may be.
    ///
    /// # Errors
    /// The store's; it then holds the blob or does not.
    pub async fn put(&self, id: &BlobId, bytes: Bytes) -> Result<()> {
        match &self.backend {
            Backend::Directory(directory) => {
                let (directory, id) = (directory.clone(), id.clone());
                blocking(move || directory.put(&id, &bytes)).await
            }
            Backend::Remote(remote) => remote.put(id, bytes).await,
        }
    }

    /// A blob that is written while it is made, on plain threads; `None` where a store takes it whole.
    ///
    /// # Errors
    /// A name that the store has no place for.
    pub(crate) fn grow(&self, id: &BlobId) -> Result<Option<Growing>> {
        match &self.backend {
            Backend::Directory(directory) => Growing::new(directory.clone(), id).map(Some),
            Backend::Remote(_) => Ok(None),
        }
    }

    /// All blobs whose names begin with `prefix`, sorted by name. What is no blob is left out.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        let mut blobs = match &self.backend {
            Backend::Directory(directory) => {
                let (directory, prefix) = (directory.clone(), prefix.to_owned());
                blocking(move || directory.list(&prefix)).await?
            }
            Backend::Remote(remote) => remote.list(prefix).await?,
        };
        blobs.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(blobs)
    }

    /// Size and time of one blob; `None` if there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn stat(&self, id: &BlobId) -> Result<Option<BlobInfo>> {
        match &self.backend {
            Backend::Directory(directory) => {
                let (directory, id) = (directory.clone(), id.clone());
                blocking(move || directory.stat(&id)).await
            }
            Backend::Remote(remote) => remote.stat(id).await,
        }
    }

    /// Removes a blob; one that is not there counts as removed.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete(&self, id: &BlobId) -> Result<()> {
        match &self.backend {
            Backend::Directory(directory) => {
                let (directory, id) = (directory.clone(), id.clone());
                blocking(move || directory.delete(&id)).await
            }
            Backend::Remote(remote) => remote.delete(id).await,
        }
    }

    /// Waits, on a plain thread, for what the runtime of this store does.
    ///
    /// # Panics
    /// On a thread of the runtime.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// The runtime on which this store was opened.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// Runs what waits for a disk, or computes for long, where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::invalid("runtime", "it was shut down while work was under way")),
        },
    }
}
