//! Packs that nothing refers to, and markers of sessions that are over.

use super::plan::Amount;
use super::safety::Margins;
use crate::error::{Error, Result};
use crate::repository::blob::BlobInfo;
use crate::repository::index::{Packs, View};
use crate::repository::name::{BlobId, Family};
use crate::repository::open::Repository;
use crate::repository::session::marker::Marker;
use crate::repository::verify::marks::Marks;
use futures::stream::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Deletions at once.
const AT_ONCE: usize = 8;

/// What deleting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// Packs.
    pub packs: Amount,
    /// Markers of sessions.
    pub markers: Amount,
}

/// Packs and markers of a listing, and when each session was last heard of.
pub(super) struct Candidates {
    pub(super) blobs: Vec<BlobInfo>,
    sessions: HashMap<String, Timestamp>,
}

/// What becomes of a blob that nothing refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes.
    Delete,
    /// It stays until then at least.
    Until(Timestamp),
}

impl Candidates {
    /// Lists packs and markers, and reads the markers.
    ///
    /// # Errors
    /// Corrupt: a marker can not be read, so that nobody knows whose packs to leave alone. The store's.
    pub(super) async fn list(repository: &Repository) -> Result<Self> {
        let mut blobs = repository.blobs().list("s").await?;
        let mut sessions: HashMap<String, Timestamp> = HashMap::new();
        for blob in &blobs {
            // One that is gone by now belonged to a session that is over, and whose index blobs are listed.
            let Some(payload) = repository.sealed_payload(blob).await? else { continue };
            let corrupt = |error: serde_json::Error| Error::corrupt(blob.id.as_str(), error.to_string());
            let marker: Marker = serde_json::from_slice(&payload).map_err(corrupt)?;
            let session = blob.id.session().map_or(marker.id, str::to_owned);
            let heard = sessions.entry(session).or_insert(Timestamp::MIN);
            *heard = marker.checkpoint.timestamp().max(*heard);
        }
        blobs.extend(repository.blobs().list("p").await?);
        blobs.extend(repository.blobs().list("q").await?);
        Ok(Candidates { blobs, sessions })
    }

    /// Decides about a blob that nothing refers to. The start is that of the run by the store's clock.
    pub(super) fn verdict(&self, blob: &BlobInfo, start: Timestamp, margins: &Margins) -> Verdict {
        let after = |time: Timestamp, margin: SignedDuration| time.checked_add(margin).unwrap_or(Timestamp::MAX);
        let mut until = after(blob.modified, margins.pack_min_age);
        if let Some(heard) = blob.id.session().and_then(|session| self.sessions.get(session)) {
            until = until.max(after(*heard, margins.session_age));
        }
        match blob.modified <= start && until <= start {
            true => Verdict::Delete,
            false => Verdict::Until(until),
        }
    }
}

/// Packs that an entry refers to which is not `gone`, by number.
pub(super) fn referenced(view: &View, packs: &Packs, gone: impl Fn(usize) -> bool) -> Marks {
    let marks = Marks::new(packs.len());
    for pack in view.rows().filter(|(ordinal, _)| !gone(*ordinal)).filter_map(|(ordinal, _)| packs.of_content(ordinal))
    {
        marks.set(pack);
    }
    marks
}

/// Whether nothing refers to a blob.
pub(super) fn is_free(blob: &BlobId, packs: &Packs, referenced: &Marks) -> bool {
    packs.find(blob.as_str()).is_none_or(|pack| !referenced.has(pack))
}

/// Deletes what may go. The listing comes before the index: whatever is listed and needed is in the index by then, or
/// younger than the margins, or of a session under way.
///
/// # Errors
/// As [`Candidates::list`]. The store's; what was deleted before is gone.
pub(super) async fn delete(repository: &Repository, start: Timestamp, margins: Margins) -> Result<Deleted> {
    let candidates = Candidates::list(repository).await?;
    repository.refresh().await?;
    let view = repository.view().await?;
    let (packs, referenced) = crate::repository::blob::blocking(move || {
        let packs = view.packs();
        let referenced = referenced(&view, &packs, |_| false);
        Ok((packs, referenced))
    })
    .await?;
    let free = |blob: &&BlobInfo| {
        let family = matches!(blob.id.family(), Family::Pack(_) | Family::Session);
        family && is_free(&blob.id, &packs, &referenced)
    };
    let goes = |blob: &&BlobInfo| candidates.verdict(blob, start, &margins) == Verdict::Delete;
    let going: Vec<BlobInfo> = candidates.blobs.iter().filter(free).filter(goes).cloned().collect();
    let mut deleted = Deleted::default();
    for blob in &going {
        let is_marker = blob.id.family() == Family::Session;
        let amount = if is_marker { &mut deleted.markers } else { &mut deleted.packs };
        amount.add(blob.length);
    }
    delete_all(repository, going.into_iter().map(|blob| blob.id)).await?;
    Ok(deleted)
}

/// Deletes blobs, several at once.
///
/// # Errors
/// The store's.
pub(super) async fn delete_all(repository: &Repository, blobs: impl IntoIterator<Item = BlobId>) -> Result<()> {
    let blobs: Vec<BlobId> = blobs.into_iter().collect();
    let deletions = futures::stream::iter(blobs).map(|id| async move { repository.blobs().delete(&id).await });
    deletions.buffer_unordered(AT_ONCE).try_collect().await
}
