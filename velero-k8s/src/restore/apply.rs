//! Carrying out a plan: step after step, the objects of one step at once.
//!
//! What the plan does not list is not written. Trouble with one object is a problem in the result and does not stop the
//! others. A cancelled run stops between objects; the same restore can then be run again.

use super::RestoreOptions;
use super::session::Session;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use velero_core::pipeline::restore::DEFINITIONS;
use velero_core::plan::{Plan, PlannedItem, PlannedWrite, Step};
use velero_core::problem::Stage;
use velero_core::{ItemId, Problem};

/// What the objects of a run share.
pub(super) struct Applier {
    pub session: Arc<Session>,
    pub cancel: CancellationToken,
    pub resource_timeout: Duration,
    pub terminating_timeout: Duration,
    failed_namespaces: Mutex<BTreeSet<String>>,
}

/// What became of one object.
pub(super) struct Done {
    /// `created`, `updated`, `skipped` or `failed`.
    pub action: &'static str,
    /// The name that the server gave it, if it made one.
    pub name: Option<String>,
    pub problems: Vec<Problem>,
}

impl Done {
    pub(super) fn new(action: &'static str) -> Self {
        Done { action, name: None, problems: Vec::new() }
    }

    pub(super) fn with(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }

    pub(super) fn failed(problem: Problem) -> Self {
        Done::new("failed").with(problem)
    }
}

/// What became of all objects.
#[derive(Default)]
pub(super) struct Tally {
    /// Velero's resource list.
    pub resource_list: BTreeMap<String, Vec<String>>,
    pub problems: Vec<Problem>,
    pub total: u64,
    pub restored: u64,
}

impl Applier {
    pub(super) fn new(session: Arc<Session>, options: &RestoreOptions) -> Self {
        Applier {
            session,
            cancel: options.cancel.clone(),
            resource_timeout: options.resource_timeout,
            terminating_timeout: options.terminating_timeout,
            failed_namespaces: Mutex::default(),
        }
    }

    /// Remembers that objects of `namespace` can not be written.
    pub(super) fn give_up_namespace(&self, namespace: &str) {
        let mut failed = self.failed_namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(namespace.to_owned());
    }

    pub(super) fn gave_up(&self, namespace: &str) -> bool {
        self.failed_namespaces.lock().unwrap_or_else(PoisonError::into_inner).contains(namespace)
    }

    /// Asks again what the cluster serves, now that there are new definitions.
    async fn refresh(&self) -> Vec<Problem> {
        match self.session.cluster.discover().await {
            Ok(discovered) => discovered.problems,
            Err(error) => {
                let text = format!("discovery after restoring definitions: {error}");
                vec![Problem::warning(Stage::Discovery, "DiscoveryFailed", text).under("")]
            }
        }
    }
}

/// Writes what `plan` lists.
pub(super) async fn apply(applier: Arc<Applier>, plan: &Plan, observer: &Observer) -> Result<Tally> {
    let total = plan.counts().total();
    let mut tally = Tally { problems: plan.problems.clone(), ..Tally::default() };
    for step in &plan.steps {
        let head = Arc::new(head(step));
        let cancelled = || applier.cancel.is_cancelled();
        let items = step.items.iter().cloned().take_while(|_| !cancelled());
        let started = items.map(|item| start(applier.clone(), head.clone(), item));
        let mut running = stream::iter(started).buffer_unordered(applier.session.concurrency);
        let mut changed = false;
        while let Some((item, done)) = running.next().await {
            changed |= matches!(done.action, "created" | "updated");
            tally.record(step, &item, done, observer);
            observer(Event::Progress { done: tally.total, total: Some(total) });
        }
        if applier.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if changed && step.resource.is(DEFINITIONS) {
            tally.problems.extend(applier.refresh().await);
        }
    }
    for entries in tally.resource_list.values_mut() {
        entries.sort_unstable();
    }
    Ok(tally)
}

/// A step without its items.
fn head(step: &Step) -> Step {
    let Step { resource, api_version, kind, .. } = step;
    Step { resource: resource.clone(), api_version: api_version.clone(), kind: kind.clone(), items: Vec::new() }
}

/// Writes one object in a task of its own, so that several processors prepare bodies.
async fn start(applier: Arc<Applier>, head: Arc<Step>, item: PlannedItem) -> (PlannedItem, Done) {
    let done = match item.write {
        PlannedWrite::Skip => Done::new("skipped"),
        PlannedWrite::Fail => Done::new("failed"),
        PlannedWrite::Create | PlannedWrite::Update => {
            let target = head.target(&item);
            let task = tokio::spawn(super::write::write(applier, head, item.clone()));
            task.await.unwrap_or_else(|error| Done::failed(broken(target, &error)))
        }
    };
    (item, done)
}

fn broken(target: ItemId, error: &tokio::task::JoinError) -> Problem {
    let text = format!("error restoring {target}: a defect in this program or an action: {error}");
    Problem::error(Stage::Apply, "Panicked", text).about(target)
}

impl Tally {
    fn record(&mut self, step: &Step, item: &PlannedItem, done: Done, observer: &Observer) {
        self.total += 1;
        self.restored += u64::from(done.action != "failed");
        for problem in done.problems {
            observer(Event::Problem(problem.clone()));
            self.problems.push(problem);
        }
        // A namespace that was there is used, not restored.
        if step.resource.is("namespaces") && done.action == "skipped" {
            return;
        }
        let mut id = step.target(item);
        if let Some(name) = done.name {
            id.name = name;
        }
        let slash = if id.namespace.is_empty() { "" } else { "/" };
        // Joined at once, and so without spare room: there is one for each object of the backup.
        let entry = [&id.namespace, slash, &id.name, "(", done.action, ")"].concat();
        self.resource_list.entry(format!("{}/{}", step.api_version, step.kind)).or_default().push(entry);
        observer(Event::Item { id, action: done.action });
    }
}
