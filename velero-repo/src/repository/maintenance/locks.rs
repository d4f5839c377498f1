//! The retention of blobs (object lock) begins anew, if the parameters say so: what is needed is kept on.

use super::parameters::Parameters;
use super::plan::Amount;
use crate::error::Result;
use crate::repository::blob::BlobInfo;
use crate::repository::blob::retention::PREFIXES;
use crate::repository::open::Repository;
use futures::stream::{StreamExt, TryStreamExt};

/// Requests at once.
const AT_ONCE: usize = 8;

/// Whether there is anything to extend.
pub(super) fn is_wanted(repository: &Repository, parameters: &Parameters) -> bool {
    parameters.extend_object_locks && repository.format().settings.retention.is_some()
}

/// All blobs with a retention.
///
/// # Errors
/// The store's.
pub(super) async fn list(repository: &Repository) -> Result<Vec<BlobInfo>> {
    let mut kept = Vec::new();
    for prefix in PREFIXES {
        kept.extend(repository.blobs().list(prefix).await?);
    }
    Ok(kept)
}

/// Extends all of them.
///
/// # Errors
/// The store's; those before it are extended.
pub(super) async fn extend(repository: &Repository) -> Result<Amount> {
    let kept = list(repository).await?;
    let extend = |blob: &BlobInfo| {
        let id = blob.id.clone();
        async move { repository.blobs().extend_retention(&id).await }
    };
    futures::stream::iter(kept.iter().map(extend)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(Amount::of(&kept))
}
