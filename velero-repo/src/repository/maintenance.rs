//! Maintenance: what no snapshot uses is found, and after some days deleted; index blobs are merged.
//!
//! ```text
//! full   collect > merge batches of manifests > move short packs > make deletions final > delete packs
//!        > extend locks > (quick) > merge epochs > clean up > logs
//! quick  merge one epoch > begin the next epoch
//! ```
//!
//! Repositories of format version 1 have no epochs: (quick) is merging small index blobs and deleting merged ones
//! there, and nothing follows but the logs.
//!
//! Comes in: an opened repository, by its owner. Goes out: first a [`MaintenancePlan`], which says what would be done and
//! which bytes are freed, now and later; when it is applied, a [`MaintenanceReport`], which ends with a verification. The
//! rules and times are Kopia's, so that both may take turns, and every task's run is told to the schedule in its words.
//! Nothing here runs by itself.
//!
//! Nothing is deleted at once, because writers elsewhere may count on what they saw hours ago: a content is marked, and
//! its deletion becomes final with the second collection that does not revive it; then its pack goes. Only
//! [`Safety::None`] waits for nothing.
//!
//! Refused: anybody but the owner; two runs at once (how far that is protected, `exclusive` says); repositories whose
//! blobs carry a retention that the store can not give. A collection ends without marking anything when a
//! manifest or a directory can not be read: what is not known to be used must not be taken for garbage.

mod census;
mod collect;
mod compactions;
mod delete;
mod epochs;
mod exclusive;
mod forget;
mod locks;
mod logs;
mod manifests;
mod mark;
mod memory;
mod merging;
mod parameters;
mod plan;
mod planning;
mod rewrite;
mod safety;
mod schedule;
mod status;
mod steps;
#[cfg(test)]
mod tests;

use super::name::hex;
use super::open::Repository;
use super::splitter::Splitter;
use super::verify::{Level, Progress, VerifyOptions, verify};
use crate::error::{Error, Result};
use exclusive::Exclusive;
use mark::Walking;
use memory::{Limits, Sizes};
use std::sync::Arc;
use steps::Steps;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

pub use collect::Collected;
pub use delete::Deleted;
pub use forget::{DeletionPlan, DoomedSnapshot};
pub use parameters::{CycleParameters, LogRetention, Parameters, take_ownership};
pub use plan::{Amount, Cycle, Later, MaintenancePlan, MaintenanceReport, PlannedStep, Step};
pub use rewrite::Rewritten;
pub use safety::Safety;
pub use schedule::{Schedule, Task, TaskRun};
pub use status::MaintenanceStatus;

/// How maintenance is run.
#[derive(Clone, Debug)]
pub struct MaintenanceOptions {
    /// Which tasks; what is due if none.
    pub cycle: Option<Cycle>,
    /// How careful.
    pub safety: Safety,
    /// Threads that read directories; fewer if memory is little.
    pub workers: usize,
    /// Bytes of memory to stay within, beside the index; none is 64 MiB and 64 MiB for each worker.
    pub memory: Option<u64>,
    /// Counters of directories and files to look at meanwhile.
    pub progress: Arc<Progress>,
    /// Hears of each step when it is done.
    pub steps: Option<UnboundedSender<PlannedStep>>,
    /// Ends it early, with an error, before the next step or directory.
    pub cancel: CancellationToken,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        MaintenanceOptions {
            cycle: None,
            safety: Safety::Full,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            memory: None,
            progress: Arc::default(),
            steps: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl MaintenanceOptions {
    fn walking(&self, limits: Limits) -> Walking {
        Walking { workers: limits.workers, progress: self.progress.clone(), cancel: self.cancel.clone() }
    }

    fn limits(&self, repository: &Repository) -> Result<Limits> {
        let format = repository.format();
        let content = Splitter::by_name(format.splitter())?.max_chunk() as u64;
        Limits::new(self.memory, self.workers, Sizes { content, pack: format.parameters.max_pack_size })
    }
}

/// Maintenance of one repository.
#[derive(Clone, Debug)]
pub struct Maintenance {
    repository: Repository,
    options: MaintenanceOptions,
}

impl Maintenance {
    /// Nothing is done yet.
    pub fn new(repository: &Repository, options: MaintenanceOptions) -> Self {
        Maintenance { repository: repository.clone(), options }
    }

    /// What would be done at present. Writes nothing, and anybody may ask.
    ///
    /// # Errors
    /// Invalid: the repository can not be maintained here, or not in so little memory. Corrupt, naming it: a manifest or directory can not be read.
    /// Those of reading.
    pub async fn plan(&self) -> Result<MaintenancePlan> {
        self.check_kind()?;
        planning::plan(&self.repository, &self.options).await
    }

    /// Does what a plan says. Each step looks again at how things are, so that a plan may be older than the repository;
    /// steps that were taken out of it are not done.
    ///
    /// # Errors
    /// Denied: we are not the owner, or the repository was opened for reading only. Locked: another run is under way.
    /// Invalid: the plan is of another repository, or the repository can not be maintained here, or not in so little memory.
    /// Those of the steps: what was done before stays, and the repository is whole.
    pub async fn apply(&self, plan: &MaintenancePlan) -> Result<MaintenanceReport> {
        self.check_kind()?;
        let limits = self.options.limits(&self.repository)?;
        let parameters = self.check_owner(plan).await?;
        let begun = self.repository.now();
        let mut report =
            MaintenanceReport { cycle: plan.cycle, begun, ended: begun, steps: Vec::new(), verified: None };
        let Some(cycle) = plan.cycle else { return Ok(report) };
        let exclusive = Exclusive::begin(&self.repository, cycle, &parameters).await?;
        report.begun = exclusive.start();
        let steps = Steps {
            repository: &self.repository,
            options: &self.options,
            limits,
            safety: plan.safety,
            parameters: &parameters,
            exclusive: &exclusive,
        };
        let done = steps.run(plan, &mut report.steps).await;
        let ended = exclusive.end(&done).await;
        done.and(ended)?;
        if cycle == Cycle::Full {
            report.verified = Some(self.verify(limits).await?);
        }
        report.ended = self.repository.now();
        Ok(report)
    }

    async fn verify(&self, limits: Limits) -> Result<super::verify::Report> {
        let usual = VerifyOptions::new(Level::Metadata);
        let options = VerifyOptions {
            memory: self.options.memory.unwrap_or(usual.memory),
            workers: limits.workers,
            progress: self.options.progress.clone(),
            cancel: self.options.cancel.clone(),
            ..usual
        };
        verify(&self.repository, &options).await
    }

    /// Refuses repositories that can not be maintained here.
    fn check_kind(&self) -> Result<()> {
        self.repository.blobs().check_retention(self.repository.format().settings.retention)
    }

    /// Refuses anybody but the owner, and plans of other repositories.
    async fn check_owner(&self, plan: &MaintenancePlan) -> Result<Parameters> {
        self.repository.check_writable()?;
        if plan.repository != identity(&self.repository) {
            return Err(Error::invalid("maintenance", "the plan is of another repository"));
        }
        self.repository.refresh().await?;
        let parameters = Parameters::load(&self.repository).await?;
        let us = self.repository.identity().to_string();
        if parameters.owner != us {
            let reason = match parameters.owner.as_str() {
                "" => format!("it has no owner; {us} may become it"),
                owner => format!("its owner is {owner}, and we are {us}"),
            };
            return Err(Error::denied(format!("maintenance of {}", self.repository.blobs().address()), reason));
        }
        Ok(parameters)
    }
}

/// The identity of a repository, for plans.
fn identity(repository: &Repository) -> String {
    hex(&repository.format().unique_id)
}
