//! The index: which blobs make it up, and loading those that are new.

use super::Repository;
use super::cache::Range;
use super::contents::open_in_place;
use super::early::Early;
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
const AT_ONCE: usize = 4;
/// Index blobs that are merged at once, so that many small ones are not merged one by one.
const BATCH: usize = 32;

/// What is known of the index blobs.
#[derive(Default)]
pub(super) struct Indexes {
    /// Those whose entries are in the view; they need not exist any more.
    loaded: HashSet<BlobId>,
    /// What was read before the key was known, until it is used.
    early: Option<Early>,
    pub(super) state: Option<Arc<State>>,
    pub(super) read: Option<Timestamp>,
}

impl Indexes {
    /// Nothing is known but what was read early.
    pub(super) fn beginning_with(early: Option<Early>) -> Self {
        Indexes { early, ..Indexes::default() }
    }
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
        let mut indexes = self.0.indexes.lock().await;
        let mut pause = PAUSE;
        let mut last = Attempt::TooSlow;
        for _ in 0..TRIES {
            last = self.load(&mut indexes).await?;
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
        self.0.indexes.lock().await.loaded.contains(index)
    }

    /// Takes over index blobs that were just written, with what is in them.
    pub(crate) async fn adopt(&self, blobs: Vec<BlobId>, tables: Vec<Table>) -> Result<()> {
        let mut indexes = self.0.indexes.lock().await;
        if blobs.iter().all(|blob| indexes.loaded.contains(blob)) {
            return Ok(()); // a refresh has found them meanwhile
        }
        let view = self.view();
        let view = blocking(move || view.with(tables, None)).await?;
        indexes.loaded.extend(blobs);
        self.set_view(view);
        Ok(())
    }

    /// Hides deletions up to `until`, in Unix seconds, that are final: no index blob has them any more.
    pub(crate) async fn hide_deleted(&self, until: i64) -> Result<()> {
        let _indexes = self.0.indexes.lock().await;
        self.set_view(self.view().with([], Some(until))?);
        Ok(())
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
        let read = |(sealed, blob): (Option<Bytes>, BlobInfo)| async move {
            let table = match sealed {
                Some(sealed) => self.early_table(&blob.id, sealed).await.map(Some),
                None => self.table(&blob).await,
            };
            Ok::<_, Error>((self.unless_damaged(table)?, blob.id))
        };
        let mut tables = futures::stream::iter(new).map(read).buffered(AT_ONCE).try_chunks(BATCH);
        let mut vanished = None;
        while let Some(batch) = tables.try_next().await.map_err(|failed| failed.1)? {
            let mut found = Vec::new();
            for (table, id) in batch {
                match table {
                    Some(Some(table)) => {
                        indexes.loaded.insert(id);
                        found.push(table);
                    }
                    Some(None) => vanished = Some(id),
                    None => {} // looked at again by the next refresh
                }
            }
            let view = self.view();
            self.set_view(blocking(move || view.with(found, watermark)).await?);
        }
        if vanished.is_none() {
            self.set_view(self.view().with([], watermark)?);
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
    async fn early_table(&self, id: &BlobId, sealed: Bytes) -> Result<Table> {
        let (seal, id) = (self.seal(), id.clone());
        blocking(move || parse(&open(&seal, &id, sealed)?, &id)).await
    }

    /// The entries of one index blob, through the cache.
    async fn table(&self, blob: &BlobInfo) -> Result<Option<Table>> {
        check_length(blob)?;
        let range = Range { blob: blob.id.clone(), offset: 0, length: blob.length };
        let cache = self.cache().cloned();
        if let Some(cache) = cache.clone() {
            let (seal, wanted) = (self.seal(), range.clone());
            let kept = move || {
                let sealed = cache.get(&wanted);
                Ok(sealed.and_then(|sealed| parse(&open(&seal, &wanted.blob, sealed).ok()?, &wanted.blob).ok()))
            };
            if let Some(table) = blocking(kept).await? {
                return Ok(Some(table));
            }
        }
        let Some(sealed) = self.blobs().get_range(&range.blob, 0, range.length).await? else { return Ok(None) };
        let seal = self.seal();
        let read = move || {
            if let Some(cache) = cache {
                cache.put(&range, &sealed);
            }
            parse(&open(&seal, &range.blob, sealed)?, &range.blob)
        };
        blocking(read).await.map(Some)
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
