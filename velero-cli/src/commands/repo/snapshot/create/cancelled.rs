//! What a cancelled upload leaves behind.

use jiff::Timestamp;
use velero_repo::repository::open::Repository;
use velero_repo::repository::snapshot::{Snapshot, Source};

/// Tells of the incomplete snapshot of `source` that was stored since `begun`. Nothing also where that can not be found
/// out: whoever is told of one should be able to count on it.
pub async fn kept(repository: &Repository, source: &Source, begun: Timestamp) -> Option<String> {
    repository.refresh().await.ok()?;
    let manifests = repository.manifests(&source.labels()).await.ok()?;
    let read = manifests.iter().filter_map(|record| Some((&record.id, Snapshot::from_record(record).ok()?)));
    let these = read.filter(|(_, snapshot)| !snapshot.is_complete() && snapshot.end_time.timestamp() >= begun);
    let (id, _) = these.max_by_key(|(_, snapshot)| snapshot.end_time)?;
    Some(format!(
        "What was saved is kept as the incomplete snapshot {id}; the next snapshot of the same source goes on from it."
    ))
}
