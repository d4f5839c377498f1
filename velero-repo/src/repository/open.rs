//! An opened repository: what everything else reads through.
//!
//! Comes in: blobs, a password, who asks. Goes out: a [`Repository`], which finds contents through the merged index,
//! reads contents, objects and manifests, and stays up to date: the format blob is read again every 15 minutes, as Kopia
//! does it, and the index whenever somebody asks for it or a pack has moved. Index blobs and packs that another program
//! replaced while they were read are looked up again, a few times; then the error names the blob.
//!
//! Refused: a wrong password, a newer format, a lock for an upgrade, all by the format; writing, when the repository was
//! opened for reading.

mod cache;
mod contents;
mod create;
mod early;
mod identity;
mod indexes;
mod kept;
#[cfg(test)]
mod large;
mod lookup;
mod manifests;
mod objects;
mod password;
#[cfg(test)]
mod tests;
mod trailer;
mod unread;
mod whole;

use super::blob::{BlobStore, blocking};
use super::clock::{Clock, SystemClock};
use super::epoch::State;
use super::format::{Format, MAX_FORMAT_BLOB, Password};
use super::name::{BLOB_SETTINGS, BlobId, FORMAT};
use super::seal::Seal;
use crate::error::{Error, Result};
use bytes::Bytes;

use cache::Cache;
use early::Early;
use futures::FutureExt;
use indexes::Indexes;
use jiff::{SignedDuration, Timestamp};
use lookup::Index;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

pub use cache::{CacheOptions, CacheStatus};
pub use contents::{unpack, unpack_in_place};
pub(super) use create::InitMarker;
#[cfg(test)]
pub(crate) use create::New;
pub use identity::Identity;
pub use objects::Pieces;
pub(super) use objects::expand;
pub(super) use trailer::is_same_place;

/// How old what is known of format and index may be, in a writing session and for the format: as Kopia has it.
pub const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_mins(15);

/// How a repository is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The password.
    pub password: Password,
    /// Who works with it.
    pub identity: Identity,
    /// Refuse every change.
    pub read_only: bool,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where index blobs and metadata are kept on this machine, if they are. Who verifies a repository has no cache: it
    /// would hide damage of the store.
    pub cache: Option<CacheOptions>,
    /// Pass over index blobs that can not be read, instead of refusing the whole. Nothing can be changed then: what they
    /// name would be taken for garbage.
    pub pass_over_damage: bool,
}

impl OpenOptions {
    /// Reading and writing as this user of this machine, by the system's clock.
    pub fn new(password: Password) -> Self {
        let clock = Arc::new(SystemClock);
        let identity = Identity::of_this_process();
        OpenOptions { password, identity, read_only: false, clock, cache: None, pass_over_damage: false }
    }

    /// The same as another identity.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        OpenOptions { identity, ..self }
    }

    /// The same for reading only.
    #[must_use]
    pub fn read_only(self) -> Self {
        OpenOptions { read_only: true, ..self }
    }

    /// The same for verification: for reading only, from the store itself, and whatever index blobs are damaged.
    #[must_use]
    pub fn for_verification(self) -> Self {
        OpenOptions { read_only: true, cache: None, pass_over_damage: true, ..self }
    }

    /// The same with a cache.
    #[must_use]
    pub fn with_cache(self, cache: CacheOptions) -> Self {
        OpenOptions { cache: Some(cache), ..self }
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        OpenOptions { clock, ..self }
    }
}

/// An opened repository. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Repository(Arc<Inner>);

struct Inner {
    blobs: BlobStore,
    identity: Identity,
    read_only: bool,
    pass_over_damage: bool,
    clock: Arc<dyn Clock>,
    format: RwLock<Arc<Opened>>,
    index: RwLock<Index>,
    indexes: Mutex<Indexes>,
    cache: Option<Cache>,
}

/// The format, and when it was read.
struct Opened {
    format: Arc<Format>,
    seal: Seal,
    read: Timestamp,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repository").field(&self.blobs().address()).finish()
    }
}

impl Repository {
    /// Opens the repository in `blobs` and loads its index, but for large index blobs that lie in the cache, and, for
    /// reading only, for larger ones: they are loaded when a few pieces of them are not enough.
    ///
    /// # Errors
    /// Missing: there is no repository. Corrupt: there is one without its format. Denied: the password is wrong. Those of
    /// the format, the index and the store.
    pub async fn open(blobs: BlobStore, options: OpenOptions) -> Result<Repository> {
        let Some(stored) = format_blobs(&blobs).await? else { return Err(missing(&blobs).await) };
        let (password, now) = (options.password.clone(), options.clock.now());
        let key = blocking(move || Format::open(&stored.0, stored.1.as_deref(), &password, now));
        let early = Early::read(&blobs, &*options.clock, options.cache.is_some());
        let (format, early) = tokio::try_join!(key, early.map(Ok))?;
        Repository::of_format(blobs, format, options, early).await
    }

    /// Opens the repository of a format that was just read.
    async fn of_format(
        blobs: BlobStore,
        format: Format,
        options: OpenOptions,
        early: Option<Early>,
    ) -> Result<Repository> {
        for warning in &format.warnings {
            tracing::warn!(repository = blobs.address(), "{warning}");
        }
        let blobs = blobs.with_retention(format.settings.retention);
        let OpenOptions { identity, read_only, clock, cache, pass_over_damage, .. } = options;
        let cache = cache.map(|cache| Cache::open(&cache, &format.unique_id)).transpose()?;
        let repository = Repository(Arc::new(Inner {
            blobs,
            identity,
            read_only: read_only || pass_over_damage,
            pass_over_damage,
            format: RwLock::new(Arc::new(Opened::new(format, clock.now())?)),
            clock,
            index: RwLock::default(),
            indexes: Mutex::new(Indexes::beginning_with(early)),
            cache,
        }));
        repository.refresh().await?;
        Ok(repository)
    }

    /// Opens the same repository anew, without the fifth of a second that deriving the key takes.
    #[cfg(test)]
    pub(crate) async fn open_like(&self, blobs: BlobStore, options: OpenOptions) -> Result<Repository> {
        let Some((document, settings)) = format_blobs(&blobs).await? else {
            return Err(Error::Missing { what: format!("a repository in {}", blobs.address()) });
        };
        let format = self.format().reopen(&document, settings.as_deref(), options.clock.now())?;
        Repository::of_format(blobs, format, options, None).await
    }

    /// The blobs.
    pub fn blobs(&self) -> &BlobStore {
        &self.0.blobs
    }

    /// Who works with it.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.0.read_only
    }

    /// What tells the time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The format, as it was last read.
    pub fn format(&self) -> Arc<Format> {
        self.opened().format.clone()
    }

    /// The sealing of contents and index blobs.
    pub fn seal(&self) -> Seal {
        self.opened().seal.clone()
    }

    /// What the names of the index blobs say, as they were last listed; `None` for repositories without epochs.
    pub async fn epochs(&self) -> Option<Arc<State>> {
        self.0.indexes.lock().await.state.clone()
    }

    /// Refuses where nothing may be changed.
    ///
    /// # Errors
    /// Denied: the repository was opened for reading only.
    pub fn check_writable(&self) -> Result<()> {
        match self.is_read_only() {
            true => Err(Error::denied(self.blobs().address(), "the repository was opened for reading only")),
            false => Ok(()),
        }
    }

    /// Brings the index up to date, and the format if it is older than [`REFRESH_INTERVAL`]. Only index blobs that are
    /// new are read.
    ///
    /// # Errors
    /// Those of [`Repository::open`].
    pub async fn refresh(&self) -> Result<()> {
        self.refresh_format().await?;
        self.refresh_index().await
    }

    /// As [`Repository::refresh`], unless all of it is younger than [`REFRESH_INTERVAL`].
    ///
    /// # Errors
    /// As [`Repository::refresh`].
    pub async fn refresh_if_old(&self) -> Result<()> {
        self.refresh_format().await?;
        let read = self.0.indexes.lock().await.read;
        match read.is_some_and(|read| is_fresh(self.now(), read)) {
            true => Ok(()),
            false => self.refresh_index().await,
        }
    }

    /// How long ago the index was read.
    pub(crate) async fn index_age(&self) -> SignedDuration {
        let read = self.0.indexes.lock().await.read;
        read.map_or(SignedDuration::MAX, |read| self.now().duration_since(read).abs())
    }

    /// Reads the format again if it is old, because another program may have locked or changed it.
    async fn refresh_format(&self) -> Result<()> {
        let (opened, now) = (self.opened(), self.now());
        if is_fresh(now, opened.read) {
            return Ok(());
        }
        let Some((document, settings)) = format_blobs(self.blobs()).await? else {
            return Err(Error::Missing { what: format!("the repository in {}", self.blobs().address()) });
        };
        self.set_format(opened.format.reopen(&document, settings.as_deref(), now)?, now)
    }

    fn set_format(&self, format: Format, now: Timestamp) -> Result<()> {
        let opened = Arc::new(Opened::new(format, now)?);
        *self.0.format.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    /// What its cache holds, if it has one.
    ///
    /// # Errors
    /// None but that of a program that ends meanwhile.
    pub async fn cache_status(&self) -> Result<Option<CacheStatus>> {
        let cache = self.0.cache.clone();
        blocking(move || Ok(cache.map(|cache| cache.status()))).await
    }

    fn cache(&self) -> Option<&Cache> {
        self.0.cache.as_ref()
    }

    fn opened(&self) -> Arc<Opened> {
        self.0.format.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Opened {
    fn new(format: Format, read: Timestamp) -> Result<Self> {
        Ok(Opened { seal: format.seal()?, format: Arc::new(format), read })
    }
}

/// Whether what was read then is still taken for true. What comes from the future is not.
fn is_fresh(now: Timestamp, read: Timestamp) -> bool {
    let age = now.duration_since(read);
    !age.is_negative() && age < REFRESH_INTERVAL
}

/// What to say where there is no format: an index without it is a repository that has lost it, and with it all its keys.
async fn missing(blobs: &BlobStore) -> Error {
    for index in ["x", "n"] {
        match blobs.list(index).await {
            Ok(found) if found.is_empty() => {}
            Ok(_) => {
                return Error::corrupt(
                    FORMAT,
                    format!("it is missing, and a repository's index is in {}", blobs.address()),
                );
            }
            Err(error) => return error,
        }
    }
    Error::Missing { what: format!("a repository in {}", blobs.address()) }
}

/// The bytes of `kopia.repository` and `kopia.blobcfg`.
async fn format_blobs(blobs: &BlobStore) -> Result<Option<(Bytes, Option<Bytes>)>> {
    let limit = MAX_FORMAT_BLOB as u64;
    let (format, settings) = (BlobId::new(FORMAT)?, BlobId::new(BLOB_SETTINGS)?);
    let (document, settings) = tokio::try_join!(blobs.get(&format, limit), blobs.get(&settings, limit))?;
    Ok(document.map(|document| (document, settings)))
}
