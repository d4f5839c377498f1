//! Index blobs of repositories without epochs: merged, and deleted an hour after they were.
//!
//! Kopia deletes what was merged whether or not the result is still there. Here it goes only when it is, or was merged
//! in turn, and in an order in which an interruption brings nothing back (`v0`).

use super::delete::delete_all;
use super::memory::Limits;
use super::merging::Merging;
use super::plan::Amount;
use crate::error::Result;
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::epoch::v0::{CleanupLog, CompactionLog};
use crate::repository::index::sealed_blob;
use crate::repository::name::BlobId;
use crate::repository::open::Repository;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

/// Index blobs that would be merged at present.
///
/// # Errors
/// Corrupt: a log of a compaction. The store's.
pub(super) async fn small(repository: &Repository) -> Result<Vec<BlobInfo>> {
    let state = repository.list_without_epochs().await?;
    Ok(state.compaction(repository.format().parameters.max_pack_size))
}

/// Merges small index blobs, if they are many; returns those that were merged.
///
/// # Errors
/// Corrupt: an index blob or log can not be read, or the store lost what it confirmed. The store's.
pub(super) async fn compact(repository: &Repository, limits: Limits) -> Result<Amount> {
    let inputs = small(repository).await?;
    if inputs.len() < 2 {
        return Ok(Amount::default());
    }
    merge(repository, &inputs, None, limits).await?;
    Ok(Amount::of(&inputs))
}

/// Makes deletions up to a time final: all index blobs are merged, and these deletions left out. Whether there were any.
///
/// # Errors
/// As [`compact`].
pub(super) async fn drop_deleted(repository: &Repository, until: Timestamp, limits: Limits) -> Result<bool> {
    repository.refresh_index().await?;
    let (view, until) = (repository.view().await?, until.as_second());
    let is_gone = move || Ok(view.rows().any(|(_, row)| row.deleted && row.timestamp <= until));
    if !blocking(is_gone).await? {
        return Ok(false);
    }
    let inputs = repository.list_without_epochs().await?.active();
    merge(repository, &inputs, Some(until), limits).await?;
    repository.hide_deleted(until).await?;
    Ok(true)
}

/// Merges index blobs and says so. Nobody passes over the inputs before the log is there. One that may be there although
/// the store denies it is removed before the outputs are: with it and without them Kopia would delete the inputs.
async fn merge(repository: &Repository, inputs: &[BlobInfo], without: Option<i64>, limits: Limits) -> Result<()> {
    let outputs = Merging::free(repository, inputs, without).await?.write(repository, limits).await?;
    if outputs.is_empty() {
        return Ok(()); // nothing is left: the inputs say the same
    }
    let log = CompactionLog::new(inputs, &outputs).and_then(|log| log.json());
    let (id, sealed) = sealed_blob(&repository.seal(), "m", "", &log?)?;
    let written = repository.blobs().put(&id, Bytes::from(sealed)).await;
    if let Err(error) = written {
        repository.blobs().delete(&id).await?;
        delete_all(repository, outputs.into_iter().map(|blob| blob.id)).await?;
        return Err(error);
    }
    for input in inputs {
        if !repository.has_loaded(&input.id).await {
            return Ok(()); // it appeared after the last refresh: the next one has to load what it became
        }
    }
    repository.adopt(outputs.into_iter().map(|blob| blob.id).collect(), Vec::new()).await
}

/// Index blobs that were merged so long ago that they would be deleted at present.
///
/// # Errors
/// As [`compact`].
pub(super) async fn superseded(repository: &Repository, now: Timestamp, age: SignedDuration) -> Result<Vec<BlobInfo>> {
    let state = repository.list_without_epochs().await?;
    Ok(state.superseded(before(now, age)).concat())
}

/// The time that lies `age` back from the start of this run, by the store's clock; without age even what this run wrote
/// is old enough.
fn before(now: Timestamp, age: SignedDuration) -> Timestamp {
    match age.is_zero() {
        true => Timestamp::MAX,
        false => now.checked_sub(age).unwrap_or(Timestamp::MIN),
    }
}

/// Deletes index blobs that were merged at least `age` ago, then the logs of that, these in two goes: whoever still sees
/// an index blob in an old listing must still see that it was merged.
///
/// # Errors
/// As [`compact`].
pub(super) async fn delete_superseded(repository: &Repository, now: Timestamp, age: SignedDuration) -> Result<Amount> {
    let state = repository.list_without_epochs().await?;
    let steps = state.superseded(before(now, age));
    let deleted = Amount::of(&steps.concat());
    for step in steps {
        delete_all(repository, step.into_iter().map(|blob| blob.id)).await?;
    }
    let logs = clean_logs(repository, now, age).await?;
    Ok(deleted.plus(logs))
}

/// Deletes logs of compactions whose deletion was scheduled `age` ago, and schedules that of others.
async fn clean_logs(repository: &Repository, now: Timestamp, age: SignedDuration) -> Result<Amount> {
    let state = repository.list_without_epochs().await?;
    let over: Vec<BlobInfo> = state.over(before(now, age)).cloned().collect();
    let mut scheduled = cleanups(repository).await?;
    let is_scheduled = |log: &&BlobInfo| scheduled.iter().any(|(_, cleanup)| cleanup.names(&log.id));
    let new: Vec<BlobId> = over.iter().filter(|log| !is_scheduled(log)).map(|log| log.id.clone()).collect();
    if !new.is_empty() {
        let json = CleanupLog::new(&new, now)?.json()?;
        let (id, sealed) = sealed_blob(&repository.seal(), "l", "", &json)?;
        repository.blobs().put(&id, Bytes::from(sealed)).await?;
        scheduled = cleanups(repository).await?;
    }
    scheduled.retain(|(_, cleanup)| cleanup.scheduled() <= before(now, age));
    let named = |log: &&BlobInfo| scheduled.iter().any(|(_, cleanup)| cleanup.names(&log.id));
    let logs: Vec<BlobInfo> = over.iter().filter(named).cloned().collect();
    delete_all(repository, logs.iter().map(|blob| blob.id.clone())).await?;
    // One that names a log which can not go yet stays with it.
    let present = repository.blobs().list("m").await?;
    scheduled.retain(|(_, cleanup)| !present.iter().any(|log| cleanup.names(&log.id)));
    let mut gone = logs;
    gone.extend(scheduled.iter().map(|(blob, _)| blob.clone()));
    delete_all(repository, scheduled.into_iter().map(|(blob, _)| blob.id)).await?;
    Ok(Amount::of(&gone))
}

async fn cleanups(repository: &Repository) -> Result<Vec<(BlobInfo, CleanupLog)>> {
    let mut found = Vec::new();
    for blob in repository.blobs().list("l").await? {
        if let Some(payload) = repository.sealed_payload(&blob).await? {
            let cleanup = CleanupLog::parse(&blob.id, &payload)?;
            found.push((blob, cleanup));
        }
    }
    Ok(found)
}
