//! Deletes what a plan says.

use tokio_util::sync::CancellationToken;

use super::plan::{DownloadPlan, Sort, present, unescape};
use super::run::failed;
use crate::repository::tree::{Kind, Sink};
use crate::{Error, Result};

/// Deletes what `plan` says and returns how many entries that were. Each is looked at once more before: one that is not
/// what it was ends the work.
pub(super) fn delete(plan: &DownloadPlan, sink: &dyn Sink, cancel: &CancellationToken) -> Result<u64> {
    let mut deleted = 0;
    for change in &plan.deleted {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled { what: format!("the restore, with {deleted} entries deleted,") });
        }
        let refuse = |reason: &str| Error::invalid(format!("deletion of {:?}", change.path), reason);
        let path = unescape(&change.path).ok_or_else(|| refuse("its path is not one that a plan has"))?;
        let now = sink.metadata(&path).map_err(|error| failed(&path, error))?;
        if now.is_none_or(|now| present(&path, &now) != *change) {
            return Err(refuse("it has changed since the plan was made"));
        }
        let kind = if change.sort == Sort::Directory { Kind::Directory } else { Kind::File };
        sink.remove(&path, kind).map_err(|error| failed(&path, error))?;
        deleted += 1;
    }
    Ok(deleted)
}
