//! The restore driver: plan first, then apply.
//!
//! ```text
//! plan     SOURCE (documents, spool) > SESSION (selection, actions, target) > DRAFT (archive) > PLAN (live state)
//! apply    SOURCE > SESSION > STALE? > APPLY: NAMESPACES, WRITE, WAITS > DOCUMENTS
//! ```
//!
//! Comes in: a request, or a plan made earlier. Goes out: a plan, or a report with every problem as data. Bodies are
//! never all in memory: a plan holds names, and applying it makes each body again from the spool. Refused before any
//! write: a request that is not valid, a plan that no longer fits, a volume that would come back empty, a used name.

use crate::event::Event;
use crate::{Cluster, Observer, Result};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use velero_core::action::RestoreAction;
use velero_core::order::Priorities;
use velero_core::plan::{EmptyVolume, Plan};
use velero_core::{Problem, api};
use velero_repo::BackupStore;

mod apply;
mod documents;
mod draft;
mod live_state;
mod namespaces;
mod plan;
mod session;
mod source;
mod stale;
mod versions;
mod waits;
mod write;

use apply::Applier;
use session::{Origin, Session};

/// Restores a backup into a cluster.
pub struct Restore {
    pub(crate) cluster: Arc<dyn Cluster>,
    pub(crate) store: BackupStore,
    pub(crate) options: RestoreOptions,
}

/// Options of a restore run that are no part of the Restore document.
pub struct RestoreOptions {
    /// Resource modifiers, from a file or ConfigMap: the YAML text. Wins over `spec.resourceModifier`.
    pub resource_modifiers: Option<String>,
    /// Whether claims may come back empty when their data can not be restored by this build.
    pub allow_empty_volumes: bool,
    /// Whether the restore's documents are left out of the store (read-only credentials).
    pub keep_out_of_store: bool,
    /// Further item actions.
    pub actions: Vec<Arc<dyn RestoreAction>>,
    /// The order in which resources are restored.
    pub priorities: Priorities,
    /// Whether, of several API versions of a resource in the backup, the one is taken that suits the target best (Velero's
    /// feature `EnableAPIGroupVersions`) instead of the one that the source preferred. A plan settles it for its apply.
    pub api_group_versions: bool,
    /// Receives events.
    pub observer: Observer,
    /// Cancels the run between objects.
    pub cancel: CancellationToken,
    /// Objects written at once.
    pub concurrency: usize,
    /// How long to wait for a CRD to be established.
    pub resource_timeout: std::time::Duration,
    /// How long to wait for a namespace that is being deleted.
    pub terminating_timeout: std::time::Duration,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        RestoreOptions {
            resource_modifiers: None,
            allow_empty_volumes: false,
            keep_out_of_store: false,
            actions: Vec::new(),
            priorities: Priorities::default(),
            api_group_versions: false,
            observer: crate::event::silent(),
            cancel: CancellationToken::new(),
            concurrency: 16,
            resource_timeout: std::time::Duration::from_secs(600),
            terminating_timeout: std::time::Duration::from_secs(600),
        }
    }
}

/// How a restore run ended.
#[derive(Clone, Debug)]
pub struct RestoreReport {
    /// The document, phase and counts included.
    pub restore: api::Restore,
    /// Every problem.
    pub problems: Vec<Problem>,
    /// What became of each object: Velero's resource list (`v1/Pod` to `ns/name(created)`).
    pub resource_list: std::collections::BTreeMap<String, Vec<String>>,
}

impl Restore {
    /// A driver with default options.
    pub fn new(cluster: Arc<dyn Cluster>, store: BackupStore) -> Self {
        Restore { cluster, store, options: RestoreOptions::default() }
    }

    /// The same driver with `options`.
    pub fn with_options(self, options: RestoreOptions) -> Self {
        Restore { options, ..self }
    }

    /// Plans the restore that `request` describes and writes nothing.
    pub async fn plan(&self, request: api::Restore) -> Result<Plan> {
        let session = self.open(request, Origin::Request).await?;
        plan::plan(&session).await
    }

    /// Carries out a plan. Refuses, naming what, if the backup's bytes or an affected live object changed since, if the
    /// plan is for another cluster, if a claim would come back empty and that is not allowed, or if the store has
    /// documents of a restore of that name.
    pub async fn apply(&self, plan: &Plan) -> Result<RestoreReport> {
        let started = documents::now();
        stale::check_version(plan)?;
        self.refuse_empty_volumes(plan)?;
        let session = self.open(plan.restore.clone(), Origin::Plan(plan)).await?;
        documents::refuse_used_name(self, &session).await?;
        stale::check(&session, plan).await?;
        self.carry_out(session, plan, started).await
    }

    /// Plans and applies in one go.
    pub async fn run(&self, request: api::Restore) -> Result<RestoreReport> {
        let started = documents::now();
        let session = self.open(request, Origin::Request).await?;
        documents::refuse_used_name(self, &session).await?;
        let plan = plan::plan(&session).await?;
        self.refuse_empty_volumes(&plan)?;
        self.carry_out(session, &plan, started).await
    }

    async fn open(&self, request: api::Restore, origin: Origin<'_>) -> Result<Arc<Session>> {
        (self.options.observer)(Event::Stage("reading the backup"));
        let session = Session::open(self, request, origin).await?;
        (self.options.observer)(Event::Stage("planning"));
        Ok(Arc::new(session))
    }

    async fn carry_out(&self, session: Arc<Session>, plan: &Plan, started: String) -> Result<RestoreReport> {
        (self.options.observer)(Event::Stage("restoring"));
        let applier = Arc::new(Applier::new(session.clone(), &self.options));
        let tally = apply::apply(applier, plan, &self.options.observer).await?;
        (self.options.observer)(Event::Stage("storing the results"));
        Ok(documents::finish(self, &session, plan, tally, started).await)
    }

    /// A volume without its data is never restored unasked. `restorePVs: false` asks for it.
    fn refuse_empty_volumes(&self, plan: &Plan) -> Result<()> {
        let asked = self.options.allow_empty_volumes || plan.restore.spec.restore_pvs == Some(false);
        if asked || plan.empty_volumes.is_empty() {
            return Ok(());
        }
        let fault = |empty: &EmptyVolume| {
            format!("{} would come back without the data of {}: {}", empty.item, empty.volume, empty.reason)
        };
        let faults = plan.empty_volumes.iter().map(fault).collect();
        Err(velero_core::Error::Invalid { what: format!("restore {}", plan.restore.metadata.name), faults }.into())
    }
}
