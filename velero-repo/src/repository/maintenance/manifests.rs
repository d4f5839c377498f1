//! Batches of manifests: many small ones become one.
//!
//! Every commit of a session leaves a batch, and who reads manifests reads all batches. Kopia's programs write them anew
//! whenever they find sixteen; ours only when it is asked for maintenance, and by the same number. The new batch and the
//! word that the old ones are deleted are in one index blob, so that everybody sees either these or that.
//!
//! A record that says that a manifest is deleted is left out after some days only: another program that has not seen it
//! may write the manifest anew at the same time. What was written since the batches were read ends it without a change.

use super::plan::Amount;
use crate::error::Result;
use crate::repository::content::ContentId;
use crate::repository::index::Entry;
use crate::repository::manifest::{Labels, Record};
use crate::repository::open::Repository;
use crate::repository::session::{Session, SessionOptions};
use jiff::SignedDuration;

/// Fewer batches are left as they are; Kopia's number.
const MANY: usize = 16;
/// How long the word that a manifest is deleted is kept: as long as a session may be silent.
const KEPT: SignedDuration = SignedDuration::from_hours(96);

/// The batches that would be replaced, and why they are not, if so.
///
/// # Errors
/// Those of [`Repository::view`].
pub(super) async fn look(repository: &Repository) -> Result<(Amount, Option<String>)> {
    let batches = repository.manifest_batches().await?;
    let few = (batches.len() < MANY).then(|| format!("{} batches are few", batches.len()));
    Ok((amount(&batches), few))
}

/// Replaces all batches if there are many; returns what was replaced, or why nothing was.
///
/// # Errors
/// Corrupt: a batch can not be read. Those of a session.
pub(super) async fn compact(repository: &Repository) -> Result<(Amount, Option<String>)> {
    repository.refresh_index().await?;
    if let (_, Some(few)) = look(repository).await? {
        return Ok((Amount::default(), Some(few)));
    }
    let (batches, merge) = repository.merged_manifests(&Labels::new()).await?;
    let now = repository.now();
    let counts = |record: &Record| !record.deleted || now.duration_since(record.modified.timestamp()) < KEPT;
    let records: Vec<Record> = merge.records().filter(counts).collect();
    let replaced = amount(&batches);
    let known: Vec<ContentId> = batches.iter().map(|entry| entry.content).collect();
    let session = Session::begin(repository, SessionOptions::default()).await?;
    if let Err(error) = session.replace_batches(batches, &records).await {
        session.abandon().await;
        return Err(error);
    }
    if let Err(error) = repository.refresh_index().await {
        session.abandon().await;
        return Err(error);
    }
    if !repository.manifest_batches().await?.iter().map(|entry| entry.content).eq(known) {
        session.abandon().await;
        return Ok((Amount::default(), Some("another program writes manifests at this moment".to_owned())));
    }
    session.commit().await?;
    Ok((replaced, None))
}

fn amount(batches: &[Entry]) -> Amount {
    let mut amount = Amount::default();
    batches.iter().for_each(|entry| amount.add(u64::from(entry.packed_length)));
    amount
}
