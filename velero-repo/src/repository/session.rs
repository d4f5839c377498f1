//! A writing session: contents and manifests become packs and index blobs, and visible all at once.
//!
//! ```text
//! begin     marker s… > it is listed, its time is ours
//! write     content > known? > pack > store                      on plain threads, packs through a bounded hand-over
//! commit    packs stored > sizes listed > manifests > index blobs > epoch unchanged, index listed > marker deleted
//! ```
//!
//! Comes in: plain bytes from any number of [`ContentWriter`]s, documents. Goes out: content ids at once; on
//! [`Session::commit`] everything that was written, and not before: a session that fails or is dropped leaves blobs that
//! no index names and that Kopia's collection removes. A checkpoint does the same in the middle.
//!
//! A content is written once: neither what the index has, unless it is marked as deleted, nor what any writer of this
//! session has in hand, is written again. What was found in the index is looked up once more before manifests are
//! written, because another program may have marked it as deleted meanwhile.
//!
//! Refused: a store that does not list what was just written, or whose clock differs by more than five minutes;
//! repositories whose blobs have to carry a retention that the store can not give.

mod commit;
mod failure;
mod index;
mod known;
mod lost;
mod manifests;
pub(crate) mod marker;
mod packs;
mod recheck;
mod round;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use super::index::{Entry, PACKED_OVERHEAD, Table, encode};
use super::open::Repository;
use super::pack::PackStyle;
use super::seal::Seal;
use super::splitter::Splitter;
use crate::error::{Error, Result};
use failure::Failure;
use jiff::{SignedDuration, Timestamp};
use known::Known;
use lost::Lost;
use packs::Packs;
use round::Round;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use writer::Slot;

pub use commit::Written;
pub(crate) use stream::held_by_a_pack;
pub use writer::ContentWriter;

/// How often a session should be made visible at least, so that a crash loses little.
const COMMIT_INTERVAL: SignedDuration = SignedDuration::from_mins(10);
/// Entries that a session may hold before it should be made visible; about 60 bytes each.
const COMMIT_ENTRIES: usize = 125_000;

/// How often it is looked whether the index is old.
const FRESHEN_INTERVAL: Duration = Duration::from_secs(60);
/// How old the index may become while the store can not be reached.
const LONGEST_STALE: SignedDuration = SignedDuration::from_mins(60);

/// How a session writes.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Packs of file data that are on their way to the store beside one for each writer; each takes `maxPackSize` of
    /// memory. Where the store is a directory, packs go there piece by piece, and these are pieces of some MB. A writer
    /// that has none to fill waits.
    pub packs_in_flight: usize,
    /// Ends the session when it is cancelled.
    pub cancel: CancellationToken,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions { packs_in_flight: 3, cancel: CancellationToken::new() }
    }
}

/// A writing session.
pub struct Session {
    shared: Arc<Shared>,
}

/// What the session and its writers share.
struct Shared {
    repository: Repository,
    seal: Seal,
    style: PackStyle,
    known: Known,
    packs: Packs,
    failure: Failure,
    /// What is being written at present; none when the session is over.
    round: Mutex<Option<Arc<Round>>>,
    slots: Mutex<Vec<Arc<Slot>>>,
    manifests: manifests::Pending,
    committing: tokio::sync::Mutex<commit::Progress>,
    begun: Timestamp,
    /// The deletion watermark at that time.
    final_before: Option<i64>,
}

impl Session {
    /// Begins a session: brings the repository up to date and leaves a marker that keeps collections away from its packs.
    ///
    /// # Errors
    /// Denied: the repository was opened for reading only. Invalid: the store's listing or its clock are not as the format
    /// needs them, or the repository wants a retention for its blobs that the store can not give. Those of [`Repository::refresh`].
    pub async fn begin(repository: &Repository, options: SessionOptions) -> Result<Session> {
        repository.check_writable()?;
        repository.refresh_if_old().await?;
        let format = repository.format();
        repository.blobs().check_retention(format.settings.retention)?;
        let view = repository.view().await?;
        let parameters = &format.parameters;
        let pack_size = usize::try_from(parameters.max_pack_size).unwrap_or(usize::MAX);
        let longest = Splitter::by_name(format.splitter())?.max_chunk();
        let copy = format.recovery_copy()?.unwrap_or_default();
        let style = PackStyle::new(repository.seal(), parameters.index_version, parameters.version, pack_size, &copy);
        // From here on there is a marker; what fails is to remove it.
        repository.blobs().prepare(false).await?;
        let (round, lost) = tokio::join!(Round::begin(repository), Lost::look(repository, &view));
        let round = round?;
        let lost = match round.check_store(repository).await.and(lost) {
            Ok(lost) => lost,
            Err(error) => {
                round.forget_marker(repository).await;
                return Err(error);
            }
        };
        let shared = Shared {
            seal: repository.seal(),
            style,
            known: Known::new(view.ordinals(), lost),
            packs: Packs::new(options.packs_in_flight, held_by_a_pack(repository.blobs(), pack_size, longest)),
            failure: Failure::new(&options.cancel),
            round: Mutex::new(Some(Arc::new(round))),
            slots: Mutex::default(),
            manifests: manifests::Pending::default(),
            committing: tokio::sync::Mutex::default(),
            begun: repository.now(),
            final_before: view.watermark(),
            repository: repository.clone(),
        };
        let shared = Arc::new(shared);
        repository.blobs().runtime().spawn(stay_fresh(Arc::downgrade(&shared)));
        Ok(Session { shared })
    }

    /// The repository that is written to.
    pub fn repository(&self) -> &Repository {
        &self.shared.repository
    }

    /// Another writer of contents, for one plain thread.
    pub fn writer(&self) -> ContentWriter {
        let slot = Arc::new(Slot::default());
        self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner).push(slot.clone());
        self.shared.packs.add_writer();
        ContentWriter::new(self.shared.clone(), slot)
    }

    /// Whether enough was written, or enough time has passed, for a [`Session::checkpoint`].
    pub fn is_checkpoint_due(&self) -> bool {
        self.shared.current().is_ok_and(|round| {
            let age = self.shared.repository.now().duration_since(round.begun());
            round.entries() >= COMMIT_ENTRIES || (age >= COMMIT_INTERVAL && round.entries() > 0)
        })
    }

    /// Adds entries for contents that lie in packs already, such as the word that they are deleted; the next commit makes
    /// them visible. They take about 40 bytes each until then.
    ///
    /// # Errors
    /// Invalid: an entry does not fit into an index, or the session is over.
    pub(crate) fn note(&self, mut entries: Vec<Entry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let payload = encode(2, &mut entries, &[])?;
        self.shared.current()?.note(Table::parse(payload.into(), PACKED_OVERHEAD)?);
        Ok(())
    }

    /// Ends the session without making anything visible, and removes its marker and what it stored since the last
    /// checkpoint, as far as the store allows. Dropping the session does the same later, in the background.
    pub async fn abandon(self) {
        self.shared.abandon().await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.shared.current().is_ok() {
            self.shared.failure.cancel();
            let shared = self.shared.clone();
            self.shared.repository.blobs().runtime().spawn(async move { shared.abandon().await });
        }
    }
}

/// Keeps format and index fresh as long as the session goes on.
async fn stay_fresh(session: Weak<Shared>) {
    loop {
        tokio::time::sleep(FRESHEN_INTERVAL).await;
        match session.upgrade() {
            Some(shared) if shared.current().is_ok() => shared.freshen().await,
            _ => return,
        }
    }
}

impl Shared {
    /// What is being written at present.
    fn current(&self) -> Result<Arc<Round>> {
        let round = self.round.lock().unwrap_or_else(PoisonError::into_inner).clone();
        round.ok_or_else(|| Error::invalid("writing session", "it is over"))
    }

    /// Puts another round in the place of the present one.
    fn turn(&self, next: Option<Arc<Round>>) -> Result<Arc<Round>> {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let before = round.take();
        *round = next.filter(|_| before.is_some());
        before.ok_or_else(|| Error::invalid("writing session", "it is over"))
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// See [`Session::abandon`].
    async fn abandon(&self) {
        self.failure.cancel();
        let _progress = self.committing.lock().await;
        self.end().await;
    }

    /// Ends the session, and removes what the present round stored.
    async fn end(&self) {
        self.failure.cancel();
        if let Ok(round) = self.turn(None) {
            round.abandon(&self.repository).await;
        }
    }

    /// Brings format and index up to date if they are old, because what is there is decided by them, and says that the
    /// session goes on. Ends the session when another program has locked or changed the repository, or the index can not
    /// be read for too long.
    async fn freshen(&self) {
        if let Err(error) = self.repository.refresh_if_old().await {
            let may_pass = error.is_retryable() && !matches!(error, Error::Locked { .. });
            match may_pass && self.repository.index_age().await < LONGEST_STALE {
                true => tracing::warn!(%error, "the index is not refreshed"),
                false => self.failure.set(error),
            }
        }
        if let Ok(round) = self.current()
            && let Err(error) = round.renew_marker(&self.repository).await
        {
            tracing::warn!(%error, "the marker of the session is not renewed; it is tried again");
        }
    }

    /// Whether contents may be compressed: index version 1 could not say so.
    fn may_compress(&self) -> bool {
        self.repository.format().parameters.index_version >= 2
    }
}
