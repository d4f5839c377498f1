//! Old logs.

use super::delete::delete_all;
use super::parameters::LogRetention;
use super::plan::Amount;
use crate::error::Result;
use crate::repository::blob::BlobInfo;
use crate::repository::open::Repository;
use jiff::{SignedDuration, Timestamp};

/// What the names of logs begin with.
const PREFIX: &str = "_log_";

/// The logs beyond what is kept: newest first, up to a size, a number and an age.
pub(super) fn excess(mut logs: Vec<BlobInfo>, kept: &LogRetention, now: Timestamp) -> Vec<BlobInfo> {
    logs.sort_by(|a, b| (b.modified, &b.id).cmp(&(a.modified, &a.id)));
    let (mut count, mut size) = (0i64, 0i64);
    let age = SignedDuration::from_nanos(kept.max_age);
    let keep = |blob: &&BlobInfo| {
        count += 1;
        size = size.saturating_add(i64::try_from(blob.length).unwrap_or(i64::MAX));
        count <= kept.max_count && size <= kept.max_total_size && now.duration_since(blob.modified) <= age
    };
    let kept = logs.iter().take_while(keep).count();
    logs.split_off(kept)
}

/// Lists the logs beyond what is kept.
///
/// # Errors
/// The store's.
pub(super) async fn list(repository: &Repository, kept: &LogRetention, now: Timestamp) -> Result<Vec<BlobInfo>> {
    Ok(excess(repository.blobs().list(PREFIX).await?, kept, now))
}

/// Deletes the logs beyond what is kept.
///
/// # Errors
/// The store's.
pub(super) async fn clean(repository: &Repository, kept: &LogRetention, now: Timestamp) -> Result<Amount> {
    let gone = list(repository, kept, now).await?;
    delete_all(repository, gone.iter().map(|blob| blob.id.clone())).await?;
    Ok(Amount::of(&gone))
}
