//! Writing one object, and what to do when it is there already (spec 6.7, 6.10, 6.13).
//!
//! The body is made again from the archive. It is written only if it comes out as what the plan lists.

use super::apply::{Applier, Done};
use super::plan::differs;
use super::{namespaces, waits};
use crate::cluster::{Cluster, Patch};
use crate::error::{Error, ErrorKind, Result};
use serde_json::Value;
use std::sync::Arc;
use velero_core::existing::{RESTORE_LABEL, Verdict, compare};
use velero_core::name::valid_name;
use velero_core::pipeline::restore::{DEFINITIONS, Desired, Fate, made_by_controllers, with_assigned};
use velero_core::plan::{PlannedItem, PlannedWrite, Step};
use velero_core::problem::Stage;
use velero_core::{ItemId, Problem};

/// How often a write is repeated that may be repeated.
const ATTEMPTS: u32 = 4;
/// How often a creation is tried while something it needs is coming up: about ten seconds.
const PATIENT_ATTEMPTS: u32 = 15;

struct Object<'a> {
    applier: &'a Applier,
    head: &'a Step,
    item: &'a PlannedItem,
    target: ItemId,
    desired: Box<Desired>,
}

/// Writes the object that `item` of the step `head` stands for.
pub(super) async fn write(applier: Arc<Applier>, head: Arc<Step>, item: PlannedItem) -> Done {
    if head.resource.is("namespaces") {
        return namespaces::ensure(&applier, &head, &item).await;
    }
    let target = head.target(&item);
    if applier.gave_up(&target.namespace) {
        let text = format!("error restoring {target}: its namespace could not be created");
        return Done::failed(Problem::error(Stage::Apply, "NamespaceFailed", text).about(target));
    }
    let desired = match desired(&applier, &head, &item, &target) {
        Ok(desired) => desired,
        Err(why) => return Done::failed(problem(&target, "Unprepared", &why)),
    };
    let object = Object { applier: &applier, head: &head, item: &item, target, desired };
    match item.write {
        PlannedWrite::Update => object.update().await,
        _ => object.create().await,
    }
}

fn desired(applier: &Applier, head: &Step, item: &PlannedItem, target: &ItemId) -> Result<Box<Desired>, String> {
    let source = head.source(item);
    let spool = &applier.session.source.spool;
    let body = spool.get(&source).map_err(|error| error.to_string())?;
    let body = body.ok_or_else(|| format!("{source} is not in the archive"))?;
    let prepared = applier.session.pipeline.prepare(&source, &body, spool);
    let as_planned =
        prepared.target == *target && prepared.api_version == head.api_version && prepared.kind == head.kind;
    match prepared.fate {
        Fate::Ready(desired) if as_planned => Ok(desired),
        Fate::Ready(_) => Err(format!("it came out as {} and not as planned", prepared.target)),
        _ => Err(prepared.problems.last().map_or("it is left out now".into(), |problem| problem.message.clone())),
    }
}

fn problem(target: &ItemId, reason: &str, why: &str) -> Problem {
    Problem::error(Stage::Apply, reason, format!("error restoring {target}: {why}")).about(target.clone())
}

impl Object<'_> {
    fn cluster(&self) -> &dyn Cluster {
        self.applier.session.cluster.as_ref()
    }

    fn error(&self, reason: &str, why: &Error) -> Problem {
        problem(&self.target, reason, &chain(why))
    }

    fn warning(&self, stage: Stage, reason: &str, text: String) -> Problem {
        Problem::warning(stage, reason, text).about(self.target.clone())
    }

    async fn live(&self) -> Result<Option<Value>> {
        waits::get(self.cluster(), &self.desired.resource, &self.target.namespace, &self.target.name).await
    }

    /// Creates it. Whatever the server says, an object that is there afterwards is treated as existing; one whose creation
    /// went unanswered and that carries our label is ours.
    async fn create(self) -> Done {
        let mut attempt = 0;
        loop {
            let desired = &self.desired;
            let manager = desired.manager.as_deref();
            let created =
                self.cluster().create(&desired.resource, &self.target.namespace, &desired.object, manager).await;
            let error = match created {
                Ok(created) => return self.created(created).await,
                Err(error) => error,
            };
            if self.target.name.is_empty() {
                return Done::failed(self.error("NotCreated", &error));
            }
            match self.live().await {
                Ok(Some(live)) if error.leaves_in_doubt() && self.is_ours(&live) => {
                    return self.created(live).await;
                }
                Ok(Some(live)) => return self.existing(live).await,
                Ok(None) if attempt < self.patience(&error) => {
                    tokio::time::sleep(waits::pause(attempt)).await;
                    attempt += 1;
                }
                Err(lookup) if error.kind() == ErrorKind::AlreadyExists => {
                    let text = format!("{} exists and could not be read: {}", self.target, chain(&lookup));
                    // Nobody knows what is there, so it can not count as restored.
                    return Done::failed(Problem::error(Stage::Apply, "Unreadable", text).about(self.target.clone()));
                }
                Ok(None) | Err(_) => return Done::failed(self.error("NotCreated", &error)),
            }
        }
    }

    fn is_ours(&self, live: &Value) -> bool {
        let name = valid_name(&self.applier.session.pipeline.restore.metadata.name);
        live["metadata"]["labels"][RESTORE_LABEL] == name.as_str()
    }

    /// How often to try again after `error`: an unanswered creation a few times, and longer where a new definition is not
    /// served everywhere yet or a new namespace has no service account yet.
    fn patience(&self, error: &Error) -> u32 {
        match error.kind() {
            _ if error.leaves_in_doubt() => ATTEMPTS,
            ErrorKind::AlreadyExists => ATTEMPTS,
            ErrorKind::NotFound if self.applier.session.pending.contains(&self.target.resource) => PATIENT_ATTEMPTS,
            ErrorKind::Denied if error.to_string().contains("error looking up service account") => PATIENT_ATTEMPTS,
            _ => 0,
        }
    }

    async fn update(self) -> Done {
        match self.live().await {
            Ok(Some(live)) => self.existing(live).await,
            Ok(None) => Done::failed(problem(&self.target, "Gone", "it was to be updated and is gone")),
            Err(error) => Done::failed(self.error("Unreadable", &error)),
        }
    }

    /// It is there: left alone, merged or updated, as the policy and the plan say.
    async fn existing(self, live: Value) -> Done {
        let by_itself = made_by_controllers(&self.target.resource.to_string(), &self.target.name);
        if by_itself && self.head.kind == "ConfigMap" {
            return Done::new("skipped");
        }
        let planned = self.item.write == PlannedWrite::Update || self.item.then.patch_if_exists;
        let desired = with_assigned(&self.desired.object, &live);
        match compare(&desired, &live, self.applier.session.updates()) {
            Verdict::Equal => Done::new("skipped"),
            Verdict::PatchLabels(labels) if planned => self.patch_labels(&labels, "updated").await,
            Verdict::Patch { patch, fallback } if planned => match self.patch(&patch).await {
                Ok(_) => Done::new("updated"),
                Err(error) => self.unpatched(&error, fallback).await,
            },
            _ => Done::new("skipped").with(differs(&self.head.kind, &self.target)),
        }
    }

    async fn unpatched(self, error: &Error, fallback: Option<Value>) -> Done {
        let text = format!("{} exists and could not be updated: {}", self.target, chain(error));
        let warning = self.warning(Stage::Apply, "NotUpdated", text);
        let done = match fallback {
            Some(labels) => self.patch_labels(&labels, "skipped").await,
            None => Done::new("skipped"),
        };
        done.with(warning)
    }

    async fn patch_labels(&self, labels: &Value, action: &'static str) -> Done {
        match self.patch(labels).await {
            Ok(_) => Done::new(action),
            Err(error) => Done::failed(self.error("NotLabelled", &error)),
        }
    }

    /// A merge patch has the same effect however often it arrives.
    async fn patch(&self, patch: &Value) -> Result<Value> {
        let mut attempt = 0;
        loop {
            let (row, namespace, name) = (&self.desired.resource, &self.target.namespace, &self.target.name);
            match self.cluster().patch(row, namespace, name, Patch::Merge, patch).await {
                Err(error) if error.leaves_in_doubt() && attempt < ATTEMPTS => {
                    tokio::time::sleep(waits::pause(attempt)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// What follows a creation: status, field ownership, the wait for a definition.
    async fn created(mut self, created: Value) -> Done {
        let mut done = Done::new("created");
        let name = created["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if self.target.name.is_empty() {
            done.name = Some(name.clone());
            self.target.name = name;
        }
        if let Some(status) = self.desired.status.take().filter(|_| self.item.then.status) {
            done.problems.extend(self.restore_status(created, status).await);
        }
        if let Some(fields) = self.desired.managed_fields.take().filter(|_| self.item.then.managed_fields) {
            done.problems.extend(self.restore_managed_fields(&fields).await);
        }
        if self.head.resource.is(DEFINITIONS) {
            done.problems.extend(self.wait_for_definition().await);
        }
        done
    }

    async fn restore_status(&self, mut object: Value, status: Value) -> Option<Problem> {
        object["status"] = status;
        let (row, namespace, name) = (&self.desired.resource, &self.target.namespace, &self.target.name);
        let mut attempt = 0;
        let error = loop {
            let error = match self.cluster().update_status(row, namespace, name, &object).await {
                Ok(_) => return None,
                Err(error) => error,
            };
            let again = error.leaves_in_doubt() || error.kind() == ErrorKind::Conflict;
            if !again || attempt == ATTEMPTS {
                break error;
            }
            if let Ok(Some(live)) = self.live().await {
                object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
            }
            tokio::time::sleep(waits::pause(attempt)).await;
            attempt += 1;
        };
        let text = format!("the status of {} could not be restored: {}", self.target, chain(&error));
        Some(self.warning(Stage::Status, "StatusNotRestored", text))
    }

    async fn restore_managed_fields(&self, fields: &Value) -> Option<Problem> {
        let error = self.patch(fields).await.err()?;
        let text = format!("the managed fields of {} could not be restored: {}", self.target, chain(&error));
        Some(match error.kind() {
            ErrorKind::NotFound => self.warning(Stage::Apply, "Gone", text),
            _ => Problem::error(Stage::Apply, "ManagedFields", text).about(self.target.clone()),
        })
    }

    async fn wait_for_definition(&self) -> Option<Problem> {
        let (timeout, cancel) = (self.applier.resource_timeout, &self.applier.cancel);
        let ready = waits::definition(self.cluster(), &self.desired.resource, &self.target.name, timeout, cancel).await;
        let why = match ready {
            Ok(true) | Err(Error::Cancelled) => return None,
            Ok(false) => format!("it is not established after {} s", timeout.as_secs()),
            Err(error) => chain(&error),
        };
        let text = format!("{} is created and can not be used: {why}", self.target);
        Some(Problem::error(Stage::Wait, "NotEstablished", text).about(self.target.clone()))
    }
}

/// The error with its causes.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
