//! Deletion of snapshots: their manifests go, and what only they use becomes reclaimable.

use super::mark::{Walking, mark, roots, snapshots};
use super::plan::Amount;
use super::safety::Safety;
use super::{MaintenanceOptions, identity};
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::manifest::{ManifestId, TYPE, labels};
use crate::repository::open::Repository;
use crate::repository::session::{Session, SessionOptions};
use crate::repository::snapshot::{SNAPSHOT, Snapshot};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Least time from a deletion to the run that frees what it leaves, with full safety: a collection marks it, another one
/// an hour later confirms it, a third four hours after that makes it final.
const TO_FREE: SignedDuration = SignedDuration::from_hours(5);

/// A snapshot that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DoomedSnapshot {
    /// Identity of its manifest.
    pub id: String,
    /// Where it was taken: `user@host:path`.
    pub source: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Names that keep it from any retention; deleting it here does not mind them.
    pub pins: Vec<String>,
}

/// What deleting snapshots would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionPlan {
    /// The repository's identity, in hexadecimal.
    pub repository: String,
    /// The snapshots.
    pub snapshots: Vec<DoomedSnapshot>,
    /// Contents that only they use; unknown if a tree can not be read.
    pub reclaimable: Option<Amount>,
    /// Before that no maintenance frees all of it.
    pub earliest: Timestamp,
    /// Why it is not known what they use.
    pub warning: Option<String>,
}

impl fmt::Display for DeletionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for snapshot in &self.snapshots {
            write!(f, "delete snapshot {} of {}, taken {}", snapshot.id, snapshot.source, snapshot.taken)?;
            match snapshot.pins.is_empty() {
                true => writeln!(f)?,
                false => writeln!(f, ", pinned by {}", snapshot.pins.join(", "))?,
            }
        }
        match &self.reclaimable {
            Some(amount) => writeln!(f, "maintenance can then free contents {amount}, not before {}", self.earliest)?,
            None => writeln!(f, "maintenance can then free what only they use, not before {}", self.earliest)?,
        }
        self.warning.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

fn doomed(id: &ManifestId, snapshot: &Snapshot) -> DoomedSnapshot {
    DoomedSnapshot {
        id: id.to_string(),
        source: snapshot.source.to_string(),
        taken: snapshot.start_time.timestamp(),
        pins: snapshot.pins.clone(),
    }
}

impl DeletionPlan {
    /// Plans the deletion of some snapshots.
    ///
    /// # Errors
    /// Missing: one of them is not there. Those of reading manifests.
    pub async fn new(repository: &Repository, ids: &[ManifestId], options: &MaintenanceOptions) -> Result<Self> {
        repository.refresh().await?;
        let all = snapshots(repository).await?;
        let (chosen, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(id, _)| ids.contains(id));
        if let Some(missing) = ids.iter().find(|id| !chosen.iter().any(|(found, _)| found == *id)) {
            return Err(Error::Missing { what: format!("snapshot {missing}") });
        }
        let doomed: Vec<_> = chosen.iter().map(|(id, snapshot)| doomed(id, snapshot)).collect();
        let walking = options.walking(options.limits(repository)?);
        let (reclaimable, warning) = match only(repository, chosen, others, &walking).await {
            Ok(amount) => (Some(amount), None),
            Err(error @ Error::Cancelled { .. }) => return Err(error),
            Err(error) => (None, Some(error.to_string())),
        };
        let wait = if options.safety == Safety::Full { TO_FREE } else { SignedDuration::ZERO };
        Ok(DeletionPlan {
            repository: identity(repository),
            snapshots: doomed,
            reclaimable,
            earliest: repository.now().checked_add(wait).unwrap_or(Timestamp::MAX),
            warning,
        })
    }

    /// Deletes them. Any writer may do that; nothing is freed before maintenance is run.
    ///
    /// # Errors
    /// Missing: one is not there any more, or not the one that was planned; nothing is deleted then. Invalid: the plan is
    /// of another repository, or a snapshot is from the future and stays. Those of a session.
    pub async fn apply(&self, repository: &Repository) -> Result<()> {
        if self.repository != identity(repository) {
            return Err(Error::invalid("deletion of snapshots", "the plan is of another repository"));
        }
        repository.check_writable()?;
        repository.refresh().await?;
        let all = snapshots(repository).await?;
        let present: Vec<_> = all.iter().map(|(id, snapshot)| (id, doomed(id, snapshot))).collect();
        let find = |planned: &DoomedSnapshot| {
            let same = |found: &&(&ManifestId, DoomedSnapshot)| {
                (&found.1.id, &found.1.source, found.1.taken) == (&planned.id, &planned.source, planned.taken)
            };
            let found = present.iter().find(same).map(|(id, _)| *id);
            found.ok_or_else(|| Error::Missing { what: format!("snapshot {} of {}", planned.id, planned.source) })
        };
        let found = self.snapshots.iter().map(find).collect::<Result<Vec<_>>>()?;
        let session = Session::begin(repository, SessionOptions::default()).await?;
        found.iter().try_for_each(|id| session.delete_manifest(id))?;
        session.commit().await?;
        self.check_gone(repository).await
    }

    /// A manifest that was written by a clock ahead of ours outlives the word that it is deleted.
    async fn check_gone(&self, repository: &Repository) -> Result<()> {
        let present = repository.manifests(&labels([(TYPE, SNAPSHOT)])).await?;
        match self.snapshots.iter().find(|planned| present.get(&planned.id).is_some()) {
            Some(left) => {
                let reason = "it is still there: it says that it was written later than this machine's clock shows";
                Err(Error::invalid(format!("deletion of snapshot {}", left.id), reason))
            }
            None => Ok(()),
        }
    }
}

/// What the chosen snapshots use and no other does.
async fn only(
    repository: &Repository,
    chosen: Vec<(ManifestId, Snapshot)>,
    others: Vec<(ManifestId, Snapshot)>,
    walking: &Walking,
) -> Result<Amount> {
    let view = repository.view().await?;
    let theirs = mark(repository, view.clone(), roots(others)?, walking).await?;
    let ours = mark(repository, view, roots(chosen)?, walking).await?;
    blocking(move || {
        let mut amount = Amount::default();
        let alone = |ordinal: &usize| ours.used.has(*ordinal) && !theirs.used.has(*ordinal);
        let rows = ours.view.rows().filter(|(ordinal, _)| alone(ordinal));
        rows.for_each(|(_, row)| amount.add(u64::from(row.packed_length)));
        Ok(amount)
    })
    .await
}
