//! Which contents the snapshots use: all trees of all snapshots are walked through, complete or not.
//!
//! Whatever can not be read ends it with an error: what is not known to be used must not be taken for garbage. That is
//! stricter than Kopia, which passes over manifests that it does not understand.

use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::directory::Entry;
use crate::repository::index::View;
use crate::repository::manifest::{ManifestId, TYPE, labels};
use crate::repository::open::Repository;
use crate::repository::snapshot::{SNAPSHOT, Snapshot};
use crate::repository::verify::Progress;
use crate::repository::verify::marks::Marks;
use crate::repository::verify::objects::{Objects, Problem};
use crate::repository::verify::walk::{Place, Visitor, Walk};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Contents in use, in one view of the index.
pub(super) struct InUse {
    pub(super) view: Arc<View>,
    pub(super) used: Marks,
}

/// The root of a snapshot, and its manifest.
pub(super) type Root = (ManifestId, Entry);

/// How trees are walked through.
#[derive(Clone, Debug)]
pub(super) struct Walking {
    pub(super) workers: usize,
    pub(super) progress: Arc<Progress>,
    pub(super) cancel: CancellationToken,
}

/// All snapshots, complete or not.
///
/// # Errors
/// Corrupt: a manifest can not be read, or is no snapshot, or has no root. The store's.
pub(super) async fn snapshots(repository: &Repository) -> Result<Vec<(ManifestId, Snapshot)>> {
    let manifests = repository.manifests(&labels([(TYPE, SNAPSHOT)])).await?;
    manifests.iter().map(|record| Ok((record.id.clone(), Snapshot::from_record(record)?))).collect()
}

/// The roots of snapshots.
///
/// # Errors
/// Corrupt: one has none.
pub(super) fn roots(snapshots: impl IntoIterator<Item = (ManifestId, Snapshot)>) -> Result<Vec<Root>> {
    let root = |(id, snapshot): (ManifestId, Snapshot)| match snapshot.root {
        Some(root) => Ok((id, root)),
        None => Err(Error::corrupt(format!("manifest {id}"), "it has no root, so that nobody knows what it uses")),
    };
    snapshots.into_iter().map(root).collect()
}

/// Marks what some snapshots use, in one view of the index.
///
/// # Errors
/// Corrupt, naming snapshot and path: something can not be read. Cancelled. The store's.
pub(super) async fn mark(
    repository: &Repository,
    view: Arc<View>,
    roots: Vec<Root>,
    walking: &Walking,
) -> Result<InUse> {
    let (repository, walking) = (repository.clone(), walking.clone());
    blocking(move || {
        let [used, bad, lists] = [(); 3].map(|()| Marks::new(view.ordinals()));
        let objects =
            Objects { repository: &repository, view: &view, used: &used, bad: &bad, lists: &lists, verifies: false };
        let strict = Strict { first: Mutex::default(), cancel: walking.cancel.clone() };
        let walk = Walk::new(objects, &strict, &walking.progress);
        for (id, root) in &roots {
            walk.run(id.as_str(), root, walking.workers);
        }
        drop(walk);
        strict.finish()?;
        Ok(InUse { view, used })
    })
    .await
}

/// Stops at the first problem.
struct Strict {
    first: Mutex<Option<Error>>,
    cancel: CancellationToken,
}

impl Strict {
    fn finish(self) -> Result<()> {
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None if self.cancel.is_cancelled() => Err(Error::Cancelled { what: "maintenance".to_owned() }),
            None => Ok(()),
        }
    }
}

impl Visitor for Strict {
    fn problem(&self, at: &Place, problem: Problem) {
        if !matches!(problem, Problem::Length(..)) {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| problem.into_error(&at.to_string()));
        }
    }

    fn summary(&self, _: &Place, _: &str) {}

    fn unknown(&self, _: &Place, _: &str) {}

    fn goes_on(&self) -> bool {
        !self.cancel.is_cancelled() && self.first.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
