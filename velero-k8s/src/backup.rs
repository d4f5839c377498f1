//! The backup driver: from a cluster into a store, without a server.
//!
//! ```text
//! request > PREPARE (discovery, namespaces, policies, selection) > RUN (lists, related objects, namespaces, CRDs)
//!         > TARBALL (a blocking thread) > DOCUMENTS > store
//! ```
//!
//! Comes in: a Backup document with name and spec. Goes out: a backup in the store and a [`BackupReport`]. A request that is
//! not valid, or asks for what this build can not do, is refused before anything is stored. A run that fails or is
//! cancelled leaves nothing visible, and the same request can be run again.

mod documents;
mod dry_run;
mod journal;
mod prepare;
mod request;
mod run;
mod tarball;

pub use dry_run::{DryRun, Explained, Subject};

use crate::{Cluster, Error, Event, Observer, Result};
use documents::Results;
use prepare::{Preparation, Prepared};
use run::{Output, Run};
use std::sync::Arc;
use tarball::Tarball;
use tokio_util::sync::CancellationToken;
use velero_core::action::{BackupAction, backup_actions};
use velero_core::{Problem, Stage, api};
use velero_repo::store::BackupWriter;
use velero_repo::{BackupName, BackupStore};

/// Backs up a cluster into a store: `Backup::new(cluster, store).run(backup).await`.
pub struct Backup {
    pub(crate) cluster: Arc<dyn Cluster>,
    pub(crate) store: BackupStore,
    pub(crate) options: BackupOptions,
}

/// Options of a backup run that are no part of the Backup document.
pub struct BackupOptions {
    /// Resource policies, from a file or ConfigMap: the YAML text. Wins over `spec.resourcePolicy`.
    pub resource_policies: Option<String>,
    /// Further item actions.
    pub actions: Vec<Box<dyn BackupAction>>,
    /// Receives events.
    pub observer: Observer,
    /// Cancels the run between objects; a cancelled run leaves nothing visible.
    pub cancel: CancellationToken,
    /// Objects per page of a listing.
    pub page_size: u32,
    /// Resources listed at once.
    pub concurrency: usize,
    /// Takes the request as Velero's engine would, without what its controller adds (automatic excludes, `*` for no
    /// namespaces). For comparisons with the engine only.
    pub engine_level: bool,
}

impl Default for BackupOptions {
    fn default() -> Self {
        BackupOptions {
            resource_policies: None,
            actions: Vec::new(),
            observer: crate::event::silent(),
            cancel: CancellationToken::new(),
            page_size: 500,
            concurrency: 8,
            engine_level: false,
        }
    }
}

/// How a backup run ended.
#[derive(Clone, Debug)]
pub struct BackupReport {
    /// The document as stored, phase and counts included.
    pub backup: api::Backup,
    /// Every problem.
    pub problems: Vec<Problem>,
    /// Size of the stored tarball in bytes.
    pub contents_bytes: u64,
}

impl Backup {
    /// A driver with default options.
    pub fn new(cluster: Arc<dyn Cluster>, store: BackupStore) -> Self {
        Backup { cluster, store, options: BackupOptions::default() }
    }

    /// The same driver with `options`.
    pub fn with_options(self, options: BackupOptions) -> Self {
        Backup { options, ..self }
    }

    /// Runs the backup that `request` describes (name, spec, labels, annotations). A report is returned once the backup is
    /// stored, with phase Completed or PartiallyFailed, or if it was refused (FailedValidation, nothing stored).
    pub async fn run(&self, request: api::Backup) -> Result<BackupReport> {
        let name = BackupName::new(&request.metadata.name)?;
        let prepared = match self.unless_cancelled(prepare::prepare(self, request)).await? {
            Preparation::Ready(prepared) => *prepared,
            Preparation::Refused(backup, faults) => return Ok(refused(*backup, faults)),
        };
        let mut writer = self.store.create(&name).await?;
        match self.fill(prepared, &mut writer).await {
            Ok(report) => {
                self.stage("publishing");
                writer.finish(documents::pretty(&report.backup)?).await?;
                Ok(report)
            }
            Err(error) => match writer.abort().await {
                Ok(()) => Err(error),
                Err(left) => {
                    let (name, left) = (name.to_string(), crate::error::chain(&left));
                    Err(Error::Abandoned { name, left, source: Box::new(error) })
                }
            },
        }
    }

    /// Decides what the backup that `request` describes would contain, and writes nothing.
    pub async fn dry_run(&self, request: api::Backup) -> Result<DryRun> {
        self.explain(request, |_| {}).await
    }

    /// Does the same, and tells `each` of every decision as it is made: objects in and out with the rule that decided,
    /// and one line for each resource that is out as a whole.
    pub async fn explain(&self, request: api::Backup, mut each: impl FnMut(Explained) + Send) -> Result<DryRun> {
        let prepared = match self.unless_cancelled(prepare::prepare(self, request)).await? {
            Preparation::Ready(prepared) => *prepared,
            Preparation::Refused(backup, faults) => {
                let what = format!("backup {}", backup.metadata.name);
                return Err(velero_core::Error::Invalid { what, faults }.into());
            }
        };
        let builtin = backup_actions();
        let mut run = Run::new(self, &prepared, self.actions(&builtin), Output::Explain(&mut each))?;
        run.collect().await?;
        Ok(dry_run::finish(run.finish().await?, prepared.backup))
    }

    /// Puts everything but `velero-backup.json` into the store.
    async fn fill(&self, prepared: Prepared, writer: &mut BackupWriter) -> Result<BackupReport> {
        let builtin = backup_actions();
        let tarball = Tarball::start(writer.contents().await?);
        let mut run = Run::new(self, &prepared, self.actions(&builtin), Output::Archive(tarball))?;
        if let Err(error) = run.collect().await {
            run.abandon().await;
            return Err(error);
        }
        self.stage("storing");
        let results = Results::new(run.finish().await?, prepared.backup);
        let report = self.unless_cancelled(documents::put(writer, results, &prepared.table)).await?;
        if self.options.cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(report) }
    }

    /// The built-in actions and the caller's own.
    fn actions<'a>(&'a self, builtin: &'a [Box<dyn BackupAction>]) -> Vec<&'a dyn BackupAction> {
        builtin.iter().chain(&self.options.actions).map(AsRef::as_ref).collect()
    }

    fn stage(&self, name: &'static str) {
        (self.options.observer)(Event::Stage(name));
    }

    /// Waits for `work`, or for the cancellation.
    async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => Err(Error::Cancelled),
            done = work => done,
        }
    }
}

/// The report of a request that was refused.
fn refused(mut backup: api::Backup, faults: Vec<String>) -> BackupReport {
    let problem = |fault: &String| Problem::error(Stage::Selection, "FailedValidation", fault.clone());
    let problems = faults.iter().map(problem).collect();
    backup.status.phase = Some(api::BackupPhase::FailedValidation);
    backup.status.validation_errors = faults;
    BackupReport { backup, problems, contents_bytes: 0 }
}
