//! Manifests of a session: kept until the next commit, and written after all contents.

use super::known::later;
use super::packs::Ready;
use super::round::Round;
use super::writer::compress;
use super::{Session, Shared};
use crate::error::{Error, Result};
use crate::repository::content::{ContentId, MANIFEST};
use crate::repository::gojson::Time;
use crate::repository::index::Entry;
use crate::repository::manifest::{Labels, ManifestId, Record, encode};
use crate::repository::name::PackKind;
use crate::repository::pack::{PackBuilder, Piece};
use crate::repository::seal::compression::Compressor;
use crate::repository::seal::random;
use jiff::SignedDuration;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What Kopia asks for when it writes manifests.
const COMPRESSOR: &str = "zstd-fastest";
/// Bytes of documents that go into one batch when batches are made anew.
const LONGEST_BATCH: usize = 4 << 20;
/// Times of manifests that replace each other are at least so far apart.
const APART: SignedDuration = SignedDuration::from_millis(100);

/// Manifests that wait for the commit.
#[derive(Default)]
pub(super) struct Pending(Mutex<Changes>);

/// What is to be written, and what is to be deleted.
#[derive(Default)]
struct Changes {
    records: Vec<Record>,
    deletions: Vec<ManifestId>,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Adds a manifest; the next commit writes it after all contents. The labels must have a `type`.
    ///
    /// # Errors
    /// Invalid: no `type`, or a document that JSON can not carry.
    pub fn put_manifest<T: Serialize + ?Sized>(&self, labels: Labels, document: &T) -> Result<ManifestId> {
        self.put_at(labels, document, self.now()?)
    }

    /// Deletes the manifest `id`, with the next commit.
    ///
    /// # Errors
    /// Whatever ended the session.
    pub fn delete_manifest(&self, id: &ManifestId) -> Result<()> {
        self.shared.failure.check()?;
        self.shared.manifests.lock().deletions.push(id.clone());
        Ok(())
    }

    /// Puts a manifest in the place of all that have the same labels.
    ///
    /// # Errors
    /// Those of [`Session::put_manifest`] and of reading the present ones.
    pub async fn replace_manifest<T: Serialize + ?Sized>(&self, labels: Labels, document: &T) -> Result<ManifestId> {
        let present = self.repository().manifests(&labels).await?;
        let mut now = self.now()?;
        for record in present.iter() {
            now = now.max(after(record)?);
        }
        let deletions = present.iter().map(|record| Record::deletion(record.id.clone(), now));
        self.shared.manifests.lock().records.extend(deletions);
        self.put_at(labels, document, now)
    }

    /// Writes `records` into batches of some MB, and marks the batches `old` as deleted, which they were in; the next
    /// commit shows both at once, in one index blob.
    ///
    /// # Errors
    /// Invalid: a record that JSON can not carry. Those of a session.
    pub(crate) async fn replace_batches(&self, old: Vec<Entry>, records: &[Record]) -> Result<()> {
        let (shared, view) = (&self.shared, self.repository().view().await?);
        let now = self.repository().now().as_second();
        let mut written = Vec::new();
        for records in batches(records) {
            let batch = encode(records)?;
            let id = shared.seal.content_id(Some(MANIFEST), &batch);
            // The same batch may have been there before, and deleted.
            let now = view.find(&id).map_or(now, |(_, row)| later(now, &row));
            written.push((id, bytes::Bytes::from(batch), now));
        }
        let is_new = |entry: &Entry| written.iter().any(|(id, ..)| *id == entry.content);
        let (same, old): (Vec<_>, Vec<_>) = old.into_iter().partition(is_new);
        written.retain(|(id, ..)| !same.iter().any(|entry| entry.content == *id));
        let round = shared.current()?;
        shared.write_late(&round, &written).await?;
        let gone = |entry: Entry| {
            let timestamp = now.max(entry.timestamp.saturating_add(1));
            Entry { deleted: true, timestamp, ..entry }
        };
        self.note(old.into_iter().map(gone).collect())
    }

    fn put_at<T: Serialize + ?Sized>(&self, labels: Labels, document: &T, now: Time) -> Result<ManifestId> {
        let id = ManifestId::from_random(random());
        let record = Record::new(id.clone(), labels, now, &document)?;
        self.shared.manifests.lock().records.push(record);
        Ok(id)
    }

    fn now(&self) -> Result<Time> {
        Time::try_from(self.shared.repository.now())
    }
}

/// Records that go into one batch each: by the length of their documents.
fn batches(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut length = 0;
        let fits = |record: &&Record| {
            length += record.data.get().len();
            length <= LONGEST_BATCH
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (batch, more) = rest.split_at(count);
        rest = more;
        Some(batch).filter(|batch| !batch.is_empty())
    })
}

/// The earliest time of what replaces a manifest.
fn after(record: &Record) -> Result<Time> {
    let after = record.modified.timestamp().checked_add(APART);
    Time::try_from(after.map_err(|e| Error::invalid(format!("manifest {}", record.id), e.to_string()))?)
}

impl Shared {
    /// Writes the manifests that wait, once what they rely on is certain.
    pub(super) async fn write_manifests(&self, round: &Round) -> Result<()> {
        let Changes { mut records, deletions } = std::mem::take(&mut *self.manifests.lock());
        if records.is_empty() && deletions.is_empty() {
            return Ok(());
        }
        self.recheck(round).await?;
        records.extend(self.deletions(&records, deletions).await?);
        let batch = encode(&records)?;
        let id = self.seal.content_id(Some(MANIFEST), &batch);
        let now = self.repository.now().as_second();
        self.write_late(round, &[(id, batch.into(), now)]).await
    }

    /// The words that these manifests are deleted. By another machine's clock a manifest may be younger than now, and a
    /// deletion that is not later than what it deletes would be none.
    async fn deletions(&self, new: &[Record], ids: Vec<ManifestId>) -> Result<Vec<Record>> {
        let mut deletions = Vec::with_capacity(ids.len());
        if ids.is_empty() {
            return Ok(deletions);
        }
        let present = self.repository.manifests(&Labels::new()).await?;
        let now = Time::try_from(self.repository.now())?;
        for id in ids {
            let known = present.get(id.as_str()).into_iter().chain(new.iter().filter(|record| record.id == id));
            let times = known.map(after).collect::<Result<Vec<_>>>()?;
            deletions.push(Record::deletion(id, times.into_iter().fold(now, Time::max)));
        }
        Ok(deletions)
    }

    /// Writes contents into a pack of their own, when all writers have done theirs.
    pub(super) async fn write_late(&self, round: &Round, contents: &[(ContentId, bytes::Bytes, i64)]) -> Result<()> {
        for kind in [PackKind::Data, PackKind::Meta] {
            let mut pack = PackBuilder::new(&self.style, kind, round.id(), Vec::new());
            for (id, plain, timestamp) in contents.iter().filter(|(id, ..)| id.pack_kind() == kind) {
                let compressor = Compressor::by_name(COMPRESSOR).ok();
                let compressor = compressor.filter(|_| kind == PackKind::Meta && self.may_compress());
                let compressed = compressor.map(|compressor| compress(compressor, plain)).transpose()?.flatten();
                let (compression, body) =
                    compressed.as_ref().map_or((0, &plain[..]), |(header, body)| (*header, &body[..]));
                let piece = Piece { content: *id, original_length: plain.len(), compression, timestamp: *timestamp };
                pack.add(&piece, body)?;
            }
            if let Some(pack) = pack.finish()? {
                self.store(Ready::new(pack)?, round).await?;
            }
        }
        Ok(())
    }
}
