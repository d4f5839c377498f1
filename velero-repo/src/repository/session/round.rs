//! What is written between two commits: one session id, one marker, some packs, their entries.

use super::marker::Markers;
use crate::error::{Error, Result};
use crate::repository::content::ContentId;
use crate::repository::index::Table;
use crate::repository::name::{BlobId, PackName, SessionId};
use crate::repository::open::Repository;
use crate::repository::seal::random;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::task::TaskTracker;

/// How far the clocks of this machine and of the store may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// One stretch of a session, as Kopia would call it a session.
pub(super) struct Round {
    id: SessionId,
    /// The first marker and its length.
    marker: (BlobId, u64),
    markers: Markers,
    begun: Timestamp,
    uploads: TaskTracker,
    contents: Mutex<Stored>,
    index_begun: AtomicBool,
}

/// What was stored.
#[derive(Default)]
struct Stored {
    /// Packs whose upload was begun.
    begun: Vec<PackName>,
    /// Packs that the store confirmed, and their lengths.
    packs: Vec<(PackName, u64)>,
    /// The entries of these packs.
    tables: Vec<Table>,
}

impl Round {
    /// Writes the marker of a new round.
    pub(super) async fn begin(repository: &Repository) -> Result<Self> {
        let begun = repository.now();
        let id = SessionId::new(random(), begun);
        let (markers, marker, length) = Markers::begin(repository, &id, begun).await?;
        Ok(Round {
            id,
            marker: (marker, length),
            markers,
            begun,
            uploads: TaskTracker::new(),
            contents: Mutex::default(),
            index_begun: AtomicBool::new(false),
        })
    }

    /// Writes another marker if the last is a day old.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn renew_marker(&self, repository: &Repository) -> Result<()> {
        self.markers.renew(repository, &self.id, self.begun).await
    }

    /// Refuses a store that does not list the marker that was just written, and one whose clock is not ours.
    pub(super) async fn check_store(&self, repository: &Repository) -> Result<()> {
        let listing = repository.blobs().list("s").await?;
        let address = repository.blobs().address();
        let (id, length) = &self.marker;
        let Some(marker) = listing.iter().find(|blob| blob.id == *id && blob.length == *length) else {
            return Err(Error::invalid(
                address,
                "the store does not list what was just written; the format needs that",
            ));
        };
        let now = repository.now();
        if marker.modified.duration_since(now).abs() > CLOCK_TOLERANCE {
            let reason = format!("its clock says {}, and this machine's {now}; set them right", marker.modified);
            return Err(Error::invalid(address, reason));
        }
        Ok(())
    }

    /// The session id that packs and index blobs carry.
    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }

    /// When it was begun.
    pub(super) fn begun(&self) -> Timestamp {
        self.begun
    }

    /// The uploads under way.
    pub(super) fn uploads(&self) -> &TaskTracker {
        &self.uploads
    }

    /// What was stored so far.
    fn contents(&self) -> MutexGuard<'_, Stored> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.contents().tables.iter().map(Table::len).sum()
    }

    /// Whether a content was written in this round.
    pub(super) fn has(&self, content: &ContentId) -> bool {
        self.contents().tables.iter().any(|table| table.ordinal(content).is_some())
    }

    /// Notes that index blobs may name the packs of this round from now on. Whoever saw one of them may count on its
    /// contents even when it is removed again, so the packs are left to collections, which wait long enough.
    pub(super) fn index_begun(&self) {
        self.index_begun.store(true, Ordering::SeqCst);
    }

    /// Notes that a pack may be in the store from now on.
    pub(super) fn expect(&self, pack: PackName) {
        self.contents().begun.push(pack);
    }

    /// Notes that a pack is in the store.
    pub(super) fn stored(&self, pack: PackName, length: u64, table: Table) {
        let mut contents = self.contents();
        contents.packs.push((pack, length));
        contents.tables.push(table);
    }

    /// Notes entries for contents that were stored before.
    pub(super) fn note(&self, table: Table) {
        self.contents().tables.push(table);
    }

    /// The packs that were stored, and their entries.
    pub(super) fn take(&self) -> (Vec<(PackName, u64)>, Vec<Table>) {
        let mut contents = self.contents();
        (std::mem::take(&mut contents.packs), std::mem::take(&mut contents.tables))
    }

    /// Removes the markers: from now on collections may remove what no index names.
    pub(super) async fn forget_marker(&self, repository: &Repository) {
        self.markers.forget(repository).await;
    }

    /// Removes what was stored, if no index may ever have named it, and the marker.
    pub(super) async fn abandon(&self, repository: &Repository) {
        self.uploads.close();
        self.uploads.wait().await;
        let packs = std::mem::take(&mut self.contents().begun);
        let removable = packs.into_iter().filter(|_| !self.index_begun.load(Ordering::SeqCst));
        for pack in removable {
            if let Err(error) = repository.blobs().delete(&pack).await {
                // The others are left alone: a store that is gone answers to each of them after minutes.
                tracing::debug!(%pack, %error, "packs that no index names stay; collections remove them in time");
                break;
            }
        }
        self.forget_marker(repository).await;
    }
}
