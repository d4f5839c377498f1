//! The index: which blobs make it up, and loading those that are new.

use super::Repository;
use super::cache::{Cache, Range};
use super::contents::open_in_place;
use super::early::Early;
use super::kept::{self, Kept};
use super::unread::{self, Unread};
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::epoch::{State, v0};
use crate::repository::index::{PACKED_OVERHEAD, Table};
use crate::repository::name::BlobId;
use crate::repository::seal::Seal;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often the listing is repeated when index blobs vanish, or time runs out, while they are read. As with Kopia.
const TRIES: usize = 10;
/// The pause after the first try; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The largest index blob that is read, bytes.
const LARGEST: u64 = 1 << 30;
/// Index blobs that are read at once.
pub(super) const AT_ONCE: usize = 4;
/// Index blobs that are merged at once, so that many small ones are not merged one by one.
const BATCH: usize = 32;

/// What is known of the index blobs.
#[derive(Default)]
pub(super) struct Indexes {
    /// Those whose entries are in the view or lie in the cache, which need not exist any more, and those that were left in
    /// the store.
    pub(super) loaded: HashSet<BlobId>,
    /// What was read before the key was known, until it is used.
    early: Option<Early>,
    /// Whether all of the index was asked for, so that nothing new is left in the cache.
    pub(super) whole: bool,
    pub(super) state: Option<Arc<State>>,
    pub(super) read: Option<Timestamp>,
}

impl Indexes {
    /// Nothing is known but what was read early.
    pub(super) fn beginning_with(early: Option<Early>) -> Self {
        Indexes { early, ..Indexes::default() }
    }
}

/// The entries of an index blob.
pub(super) enum Loaded {
    Table(Table),
    /// They stay in the cache.
    Kept(Arc<Kept>),
    /// They stay in the store.
    Unread(Arc<Unread>),
}

/// How one attempt ended.
enum Attempt {
    Done,
    /// This blob was listed and is not there.
    Vanished(BlobId),
    /// The listing is too old to be relied on.
    TooSlow,
}

impl Repository {
    /// Lists the index blobs, and loads those that are new.
    ///
    /// # Errors
    /// Corrupt, naming the index blob. The store's.
    pub async fn refresh_index(&self) -> Result<()> {
        self.refresh_indexes(&mut *self.0.indexes.lock().await).await
    }

    pub(super) async fn refresh_indexes(&self, indexes: &mut Indexes) -> Result<()> {
        let mut pause = PAUSE;
        let mut last = Attempt::TooSlow;
        for _ in 0..TRIES {
            last = self.load(indexes).await?;
            if matches!(last, Attempt::Done) {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(match last {
            Attempt::Vanished(id) => {
                Error::corrupt(id.as_str(), "the store lists this index blob and does not have it")
            }
            _ => Error::corrupt("the index", "it takes longer to read than it stays valid"),
        })
    }

    /// The listing of index blobs, and what it says; nothing is loaded. For repositories with epochs.
    pub(crate) async fn list_epochs(&self) -> Result<(Vec<BlobInfo>, State)> {
        let taken = self.now();
        let listing = self.blobs().list("x").await?;
        let state = State::of(&listing, taken, &self.format().parameters.epochs);
        Ok((listing, state))
    }

    /// Whether what is in an index blob is in the view.
    pub(crate) async fn has_loaded(&self, index: &BlobId) -> bool {
        let (indexes, now) = (self.0.indexes.lock().await, self.index());
        let is_elsewhere = now.kept.iter().any(|kept| kept.blob() == index)
            || now.unread.iter().any(|unread| unread.info().id == *index);
        indexes.loaded.contains(index) && !is_elsewhere
    }

    pub(super) async fn add(&self, tables: Vec<Table>, watermark: Option<i64>) -> Result<()> {
        let view = self.index().view;
        self.set_view(blocking(move || view.with(tables, watermark)).await?);
        Ok(())
    }

    /// Takes over index blobs that were just written, with what is in them.
    pub(crate) async fn adopt(&self, blobs: Vec<BlobId>, tables: Vec<Table>) -> Result<()> {
        let mut indexes = self.0.indexes.lock().await;
        if blobs.iter().all(|blob| indexes.loaded.contains(blob)) {
            return Ok(()); // a refresh has found them meanwhile
        }
        self.add(tables, None).await?;
        indexes.loaded.extend(blobs);
        Ok(())
    }

    /// Hides deletions up to `until`, in Unix seconds, that are final: no index blob has them any more.
    pub(crate) async fn hide_deleted(&self, until: i64) -> Result<()> {
        let _indexes = self.0.indexes.lock().await;
        self.add(Vec::new(), Some(until)).await
    }

    async fn load(&self, indexes: &mut Indexes) -> Result<Attempt> {
        let early = indexes.early.take();
        let taken = early.as_ref().map_or_else(|| self.now(), |early| early.taken);
        let format = self.format();
        let (active, state) = match (format.parameters.epochs.enabled, &early) {
            (true, Some(early)) => {
                let state = State::of(&early.listing, taken, &format.parameters.epochs);
                (state.active(), Some(state))
            }
            (true, None) => {
                let (_, state) = self.list_epochs().await?;
                (state.active(), Some(state))
            }
            (false, _) => (self.list_without_epochs().await?.active(), None),
        };
        let new = active.into_iter().filter(|blob| !indexes.loaded.contains(&blob.id)).collect();
        let watermark = state.as_ref().and_then(State::watermark);
        if let Some(vanished) = self.load_blobs(indexes, (new, early), watermark).await? {
            return Ok(Attempt::Vanished(vanished));
        }
        if state.as_ref().is_some_and(|state| !state.is_valid(self.now())) {
            return Ok(Attempt::TooSlow);
        }
        (indexes.state, indexes.read) = (state.map(Arc::new), Some(taken));
        Ok(Attempt::Done)
    }

    /// The index blobs of a repository without epochs, and what was merged into what.
    ///
    /// # Errors
    /// Corrupt: a log of a compaction. The store's.
    pub(crate) async fn list_without_epochs(&self) -> Result<v0::State> {
        let mut listing = self.blobs().list("n").await?;
        listing.extend(self.blobs().list("m").await?);
        let mut logs = Vec::new();
        for log in v0::compaction_logs(&listing) {
            // A log that is gone by now has been cleaned up, and so have the index blobs that it replaced.
            let read = self
                .sealed_payload(log)
                .await
                .and_then(|payload| payload.map(|payload| v0::CompactionLog::parse(&log.id, &payload)).transpose());
            logs.extend(self.unless_damaged(read)?.flatten().map(|read| (log.clone(), read)));
        }
        Ok(v0::State::of(&listing, logs))
    }

    /// Loads index blobs into the view; answers with one that does not exist.
    async fn load_blobs(
        &self,
        indexes: &mut Indexes,
        (new, early): (Vec<BlobInfo>, Option<Early>),
        watermark: Option<i64>,
    ) -> Result<Option<BlobId>> {
        let mut sealed = early.map(|early| early.sealed).unwrap_or_default();
        let new = new.into_iter().map(|blob| (sealed.remove(&blob.id), blob));
        let whole = indexes.whole;
        let read = |(sealed, blob): (Option<Bytes>, BlobInfo)| async move {
            let loaded = match sealed {
                Some(sealed) => self.early_table(&blob.id, sealed).await.map(Some),
                None => self.load_blob(&blob, whole).await,
            };
            Ok::<_, Error>((self.unless_damaged(loaded)?, blob.id))
        };
        let mut batches = futures::stream::iter(new).map(read).buffered(AT_ONCE).try_chunks(BATCH);
        let mut vanished = None;
        while let Some(batch) = batches.try_next().await.map_err(|failed| failed.1)? {
            let now = self.index();
            let (mut kept, mut unread) = (now.kept.to_vec(), now.unread.to_vec());
            let (mut found, mut loaded) = (Vec::new(), Vec::new());
            for (read, id) in batch {
                match read {
                    Some(Some(Loaded::Table(table))) => found.push(table),
                    Some(Some(Loaded::Kept(blob))) => kept.push(blob),
                    Some(Some(Loaded::Unread(blob))) => unread.push(blob),
                    Some(None) => {
                        vanished = Some(id);
                        continue;
                    }
                    None => continue, // looked at again by the next refresh
                }
                loaded.push(id);
            }
            self.add(found, watermark).await?;
            self.set_kept(kept.into());
            self.set_unread(unread.into());
            indexes.loaded.extend(loaded); // not before: who gives up in between must find them to be loaded again
        }
        if vanished.is_none() {
            self.add(Vec::new(), watermark).await?;
        }
        Ok(vanished)
    }

    /// What was read; `None` where it is damaged, and that is to be passed over.
    fn unless_damaged<T>(&self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Err(error) if self.0.pass_over_damage && !error.is_of_store() => {
                tracing::warn!(%error, "passed over");
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// The entries of an index blob that was read early.
    async fn early_table(&self, id: &BlobId, sealed: Bytes) -> Result<Loaded> {
        let (seal, id) = (self.seal(), id.clone());
        blocking(move || parse(&open(&seal, &id, sealed)?, &id)).await.map(Loaded::Table)
    }

    /// The entries of one index blob, through the cache. If not the `whole` is wanted, a large one may stay where it is.
    pub(super) async fn load_blob(&self, blob: &BlobInfo, whole: bool) -> Result<Option<Loaded>> {
        check_length(blob)?;
        let range = Range { blob: blob.id.clone(), offset: 0, length: blob.length };
        let may_stay = !whole && self.0.read_only && !self.0.pass_over_damage;
        let may_stay = may_stay && blob.length >= unread::LEAST && self.seal().opens_parts();
        let Some(cache) = self.cache().cloned() else {
            if may_stay && let Some(left) = self.leave(blob).await {
                return Ok(left);
            }
            let payload = self.sealed_payload(blob).await?;
            return payload.map(|payload| parse(&payload, &blob.id).map(Loaded::Table)).transpose();
        };
        let (seal, wanted, known) = (self.seal(), range.clone(), cache.clone());
        if let Some(loaded) = blocking(move || Ok(from_cache(&known, &seal, &wanted, whole))).await? {
            return Ok(Some(loaded));
        }
        if may_stay && let Some(left) = self.leave(blob).await {
            return Ok(left);
        }
        let Some(sealed) = self.blobs().get_range(&range.blob, 0, range.length).await? else { return Ok(None) };
        let seal = self.seal();
        let read = move || {
            if range.length < kept::LEAST {
                cache.put(&range, &sealed);
            }
            let table = parse(&open(&seal, &range.blob, sealed)?, &range.blob)?;
            if range.length >= kept::LEAST {
                Kept::write(&cache, &seal, &range.blob, &table);
            }
            Ok(Some(Loaded::Table(table)))
        };
        blocking(read).await
    }

    /// Leaves an index blob in the store; `Some(None)` if it is gone, `None` if only the whole of it tells more.
    async fn leave(&self, blob: &BlobInfo) -> Option<Option<Loaded>> {
        let (blobs, cache, seal, blob) = (self.blobs().clone(), self.cache().cloned(), self.seal(), blob.clone());
        let left = blocking(move || Unread::open(blobs, cache, seal, &blob)).await.ok()?;
        Some(left.map(|unread| Loaded::Unread(Arc::new(unread))))
    }

    /// What is in a sealed blob of a listing, from the store; `None` if it is gone.
    pub(crate) async fn sealed_payload(&self, blob: &BlobInfo) -> Result<Option<Bytes>> {
        check_length(blob)?;
        let Some(sealed) = self.blobs().get_range(&blob.id, 0, blob.length).await? else { return Ok(None) };
        let (seal, id) = (self.seal(), blob.id.clone());
        blocking(move || open(&seal, &id, sealed)).await.map(Some)
    }
}

fn check_length(blob: &BlobInfo) -> Result<()> {
    match blob.length > LARGEST {
        true => Err(Error::corrupt(blob.id.as_str(), format!("{} bytes are more than any such blob has", blob.length))),
        false => Ok(()),
    }
}

/// An index blob of which the cache has all, if that is whole.
fn from_cache(cache: &Cache, seal: &Seal, range: &Range, whole: bool) -> Option<Loaded> {
    if range.length >= kept::LEAST {
        let kept = Kept::open(cache, seal, &range.blob)?;
        return if whole { kept.table().ok().map(Loaded::Table) } else { Some(Loaded::Kept(Arc::new(kept))) };
    }
    let payload = open(seal, &range.blob, cache.get(range)?).ok()?;
    parse(&payload, &range.blob).ok().map(Loaded::Table)
}

/// What is in a sealed blob.
fn open(seal: &Seal, id: &BlobId, sealed: Bytes) -> Result<Bytes> {
    let iv = id.iv().ok_or_else(|| Error::corrupt(id.as_str(), "its name holds no hash"))?;
    open_in_place(seal, &iv, sealed).map_err(|error| Error::corrupt(id.as_str(), error.to_string()))
}

/// The entries in the payload of an index blob.
fn parse(payload: &Bytes, id: &BlobId) -> Result<Table> {
    let table = Table::parse(payload.clone(), PACKED_OVERHEAD);
    table.map_err(|error| Error::corrupt(id.as_str(), error.to_string()))
}
