//! The steps of a cycle, each deciding anew.

use super::census::final_until;
use super::exclusive::{Exclusive, load};
use super::memory::Limits;
use super::parameters::Parameters;
use super::plan::{Amount, MaintenancePlan, PlannedStep, Step};
use super::safety::Safety;
use super::schedule::Task;
use super::{MaintenanceOptions, collect, compactions, delete, epochs, locks, logs, manifests, rewrite};
use crate::error::{Error, Result};
use crate::repository::name::WATERMARK_BODY;
use crate::repository::open::Repository;
use bytes::Bytes;
use jiff::Timestamp;

/// What is the same for all steps of a run.
pub(super) struct Steps<'a> {
    pub(super) repository: &'a Repository,
    pub(super) options: &'a MaintenanceOptions,
    pub(super) limits: Limits,
    pub(super) safety: Safety,
    pub(super) parameters: &'a Parameters,
    pub(super) exclusive: &'a Exclusive,
}

/// What became of a step.
type Done = (Step, Option<String>);

impl Steps<'_> {
    /// Does the steps of a plan, in its order; `report` takes those that were done.
    pub(super) async fn run(&self, plan: &MaintenancePlan, report: &mut Vec<PlannedStep>) -> Result<()> {
        for planned in &plan.steps {
            if self.options.cancel.is_cancelled() {
                return Err(Error::Cancelled { what: "maintenance".to_owned() });
            }
            let (step, skipped) = self.step(&planned.step).await?;
            let done = PlannedStep { step, skipped };
            if let Some(steps) = &self.options.steps {
                let _ = steps.send(done.clone()); // nobody has to listen
            }
            report.push(done);
        }
        Ok(())
    }

    async fn step(&self, planned: &Step) -> Result<Done> {
        let (repository, exclusive) = (self.repository, self.exclusive);
        let done = match planned {
            Step::Collect(_) => Step::Collect(exclusive.task(Task::SnapshotGc, self.collect()).await?),
            Step::CompactManifests(_) => {
                let (merged, skipped) = manifests::compact(repository).await?;
                return Ok((Step::CompactManifests(merged), skipped));
            }
            Step::Rewrite(_) => return self.rewrite().await,
            Step::DropDeleted { .. } => return self.drop_deleted().await,
            Step::DeletePacks(_) => return self.delete_packs().await,
            Step::ExtendLocks(_) if !locks::is_wanted(repository, self.parameters) => {
                return Ok((planned.clone(), Some("the repository does not ask for it any more".to_owned())));
            }
            Step::ExtendLocks(_) => {
                let work = locks::extend(repository);
                Step::ExtendLocks(exclusive.task(Task::ExtendBlobRetentionTime, work).await?)
            }
            Step::CompactIndexes(_) | Step::DeleteMerged(_) if self.has_epochs() => {
                return Ok((planned.clone(), Some("the repository has epochs by now".to_owned())));
            }
            Step::CompactIndexes(_) => {
                let work = compactions::compact(repository, self.limits);
                Step::CompactIndexes(exclusive.task(Task::IndexCompaction, work).await?)
            }
            Step::DeleteMerged(_) => {
                let work =
                    compactions::delete_superseded(repository, exclusive.start(), self.safety.margins().merged_age);
                Step::DeleteMerged(exclusive.task(Task::IndexCompaction, work).await?)
            }
            Step::CompactEpoch(_) => {
                let (_, state) = repository.list_epochs().await?;
                let work = epochs::compact(repository, state.single_compaction(), self.limits);
                Step::CompactEpoch(exclusive.task(Task::CompactSingleEpoch, work).await?)
            }
            Step::AdvanceEpoch(_) => {
                Step::AdvanceEpoch(exclusive.task(Task::AdvanceEpoch, epochs::advance(repository)).await?)
            }
            Step::CompactRange(_) => {
                let (_, state) = repository.list_epochs().await?;
                let work = epochs::compact(repository, state.range_compaction(), self.limits);
                Step::CompactRange(exclusive.task(Task::GenerateEpochRangeIndex, work).await?)
            }
            Step::CleanMarkers(_) => {
                Step::CleanMarkers(exclusive.task(Task::CleanupEpochMarkers, epochs::clean_markers(repository)).await?)
            }
            Step::DeleteSuperseded(_) => {
                let work = epochs::delete_superseded(repository);
                Step::DeleteSuperseded(exclusive.task(Task::DeleteSupersededEpochIndexes, work).await?)
            }
            Step::CleanLogs(_) => {
                let work = logs::clean(repository, &self.parameters.log_retention, exclusive.start());
                Step::CleanLogs(exclusive.task(Task::CleanupLogs, work).await?)
            }
        };
        Ok((done, None))
    }

    async fn collect(&self) -> Result<collect::Collected> {
        let (start, margins) = (self.exclusive.start(), self.safety.margins());
        collect::collect(self.repository, start, margins, &self.options.walking(self.limits)).await
    }

    /// A step without anything to do is no run: the schedule then lets packs be deleted in the same cycle.
    async fn rewrite(&self) -> Result<Done> {
        let skip = |reason: &str| Ok((Step::Rewrite(rewrite::Rewritten::default()), Some(reason.to_owned())));
        let (schedule, _) = load(self.repository).await?;
        if self.safety == Safety::Full && !schedule.may_rewrite() {
            return skip("packs were not deleted since the last time");
        }
        let found = rewrite::find(self.repository, self.exclusive.start(), self.safety.margins()).await?;
        if found.short.numbers.is_empty() {
            return skip("no two packs are mostly empty");
        }
        let work = rewrite::rewrite(self.repository, self.exclusive, &found, self.limits);
        Ok((Step::Rewrite(self.exclusive.task(Task::FullRewriteContents, work).await?), None))
    }

    async fn drop_deleted(&self) -> Result<Done> {
        let (schedule, _) = load(self.repository).await?;
        let until = final_until(&schedule, self.safety, self.repository.now());
        let work = async {
            match until {
                Some(until) if self.has_epochs() => self.raise_watermark(until).await,
                Some(until) => compactions::drop_deleted(self.repository, until, self.limits).await,
                None => Ok(false),
            }
        };
        let raised = self.exclusive.task(Task::FullDropDeletedContent, work).await?;
        let skipped = (!raised).then(|| "no deletion is confirmed by a second collection yet".to_owned());
        Ok((Step::DropDeleted { until: until.filter(|_| raised), contents: Amount::default() }, skipped))
    }

    fn has_epochs(&self) -> bool {
        self.repository.format().parameters.epochs.enabled
    }

    /// Whether deletions have become final that were not before.
    async fn raise_watermark(&self, until: Timestamp) -> Result<bool> {
        let (_, state) = self.repository.list_epochs().await?;
        let Some(watermark) = state.raise_watermark(until) else { return Ok(false) };
        self.repository.blobs().put(&watermark, Bytes::from_static(WATERMARK_BODY)).await?;
        self.repository.refresh_index().await?;
        Ok(true)
    }

    async fn delete_packs(&self) -> Result<Done> {
        let (schedule, _) = load(self.repository).await?;
        let margins = self.safety.margins();
        let from = schedule.may_delete_from(margins.after_rewrite);
        if let Some(from) = from.filter(|from| *from > self.repository.now()) {
            let reason = format!("contents were moved; readers may need their old places until {from}");
            return Ok((Step::DeletePacks(delete::Deleted::default()), Some(reason)));
        }
        let work = delete::delete(self.repository, self.exclusive.start(), margins);
        Ok((Step::DeletePacks(self.exclusive.task(Task::FullDeleteBlobs, work).await?), None))
    }
}
