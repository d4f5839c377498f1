//! The collection: contents that no snapshot uses are marked as deleted, those that one uses again are revived.

use super::mark::{InUse, Walking, mark, roots, snapshots};
use super::plan::Amount;
use super::safety::Margins;
use crate::error::Result;
use crate::repository::blob::blocking;
use crate::repository::content::MANIFEST;
use crate::repository::index::{Entry, Row};
use crate::repository::open::Repository;
use crate::repository::session::{Session, SessionOptions};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Entries that are handed to the session at once.
const BATCH: usize = 100_000;

/// What a collection does with one content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is used, or holds manifests, or is marked already.
    Stays,
    /// Nothing uses it, but it is so young that a snapshot under way may.
    TooYoung,
    /// Nothing uses it.
    Marked,
    /// It is marked, and used again.
    Revived,
}

/// Decides about one content. Contents with manifests are not the collection's business: whoever replaces them marks
/// them.
///
/// Times of contents are whole seconds, cut off rather than rounded, as Kopia's, so that a content is at most a second
/// older here than it is: that is nothing beside the day that full safety waits, and without safety even a content of
/// the same second is old enough.
pub(super) fn fate(row: &Row<'_>, used: bool, start: Timestamp, margins: &Margins) -> Fate {
    let age = start.as_second().saturating_sub(row.timestamp);
    match () {
        () if row.key.first() == Some(&MANIFEST) => Fate::Stays,
        () if used && row.deleted => Fate::Revived,
        () if used || row.deleted => Fate::Stays,
        () if age < margins.min_content_age.as_secs() => Fate::TooYoung,
        () => Fate::Marked,
    }
}

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Contents that were marked as deleted.
    pub marked: Amount,
    /// Contents that were revived.
    pub revived: Amount,
    /// Contents that nothing uses and that are too young.
    pub too_young: Amount,
}

/// Collects.
///
/// # Errors
/// Corrupt, naming it: a manifest or a directory can not be read; nothing is marked then. Those of a session.
pub(super) async fn collect(
    repository: &Repository,
    start: Timestamp,
    margins: Margins,
    walking: &Walking,
) -> Result<Collected> {
    repository.refresh().await?;
    let roots = roots(snapshots(repository).await?)?;
    let in_use = Arc::new(mark(repository, repository.view().await?, roots, walking).await?);
    let session = Arc::new(Session::begin(repository, SessionOptions::default()).await?);
    let (sweeper, now) = (session.clone(), repository.now().as_second());
    let swept = blocking(move || sweep(&sweeper, &in_use, start, &margins, now)).await;
    let Some(session) = Arc::into_inner(session) else { return swept };
    match swept {
        Ok(collected) if collected.marked.count + collected.revived.count > 0 => {
            session.commit().await?;
            Ok(collected)
        }
        other => {
            session.abandon().await;
            other
        }
    }
}

fn sweep(session: &Session, in_use: &InUse, start: Timestamp, margins: &Margins, now: i64) -> Result<Collected> {
    let mut collected = Collected::default();
    let mut batch: Vec<Entry> = Vec::new();
    for (ordinal, row) in in_use.view.rows() {
        let fate = fate(&row, in_use.used.has(ordinal), start, margins);
        let amount = match fate {
            Fate::Stays => continue,
            Fate::TooYoung => &mut collected.too_young,
            Fate::Marked => &mut collected.marked,
            Fate::Revived => &mut collected.revived,
        };
        amount.add(u64::from(row.packed_length));
        if fate != Fate::TooYoung {
            let timestamp = now.max(row.timestamp.saturating_add(1));
            batch.extend(row.entry().map(|entry| Entry { deleted: fate == Fate::Marked, timestamp, ..entry }));
        }
        if batch.len() >= BATCH {
            session.note(std::mem::take(&mut batch))?;
        }
    }
    session.note(batch)?;
    Ok(collected)
}
