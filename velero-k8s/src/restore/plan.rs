//! Planning: the draft of the archive, compared with what the target has. Writes nothing.

use super::draft::Draft;
use super::live_state::{self, Namespaces, namespaces_row};
use super::session::Session;
use crate::error::{Error, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use velero_core::existing::{Verdict, compare};
use velero_core::pipeline::restore::{DEFINITIONS, DISK_UNSEEN, Fate, made_by_controllers, with_assigned};
use velero_core::plan::{Plan, PlannedItem, PlannedWrite, Step, Then, VERSION};
use velero_core::problem::Stage;
use velero_core::{GroupResource, ItemId, Problem};

/// Plans the restore of `session`.
pub(super) async fn plan(session: &Arc<Session>) -> Result<Plan> {
    let drafting = session.clone();
    let made = tokio::task::spawn_blocking(move || Draft::make(&drafting)).await;
    let mut draft = made.unwrap_or(Err(Error::Cancelled))?;
    let namespaces = Namespaces::list(session).await?;
    let mut problems = session.problems.clone();
    problems.append(&mut draft.problems);
    for step in &mut draft.steps {
        problems.extend(compare_with_live(session, step, &namespaces).await?);
    }
    let created = |item: &ItemId| is_created(&draft.steps, item);
    // A volume that is there already is left alone, and so is its disk.
    problems.retain(|problem| problem.reason != DISK_UNSEEN || problem.item.as_ref().is_some_and(created));
    draft.empty_volumes.retain(|volume| created(&volume.item));
    let mut steps = draft.steps;
    if let Some(step) = namespace_step(session, &draft.namespaces, &namespaces) {
        let definitions = steps.iter().take_while(|step| step.resource.is(DEFINITIONS)).count();
        steps.insert(definitions, step);
    }
    Ok(Plan {
        version: VERSION,
        restore: session.pipeline.restore.clone(),
        backup: session.source.planned.clone(),
        cluster: session.identity.clone(),
        modifiers: session.modifiers.clone(),
        actions: session.pipeline.actions.names(),
        versions: session.versions.clone(),
        empty_volumes: draft.empty_volumes,
        problems,
        steps,
    })
}

/// The namespaces that the restore needs, from the archive or bare (spec 6.5). One that is being deleted is waited for
/// and made anew; any other that exists is used as it is.
fn namespace_step(session: &Session, needed: &BTreeMap<String, String>, live: &Namespaces) -> Option<Step> {
    let resource = GroupResource::parse("namespaces");
    namespaces_row(&session.pipeline.table).filter(|_| !needed.is_empty())?;
    let item = |(target, source): (&String, &String)| {
        let id = |name: &str| ItemId::new(resource.clone(), "", name);
        let found = live.get(target);
        let write = match found {
            Some(found) if !found.terminating => PlannedWrite::Skip,
            _ => PlannedWrite::Create,
        };
        let live = found.map(|found| found.version.clone());
        PlannedItem { live, ..PlannedItem::new(&id(target), &id(source), write) }
    };
    let items = needed.iter().map(item).collect();
    Some(Step { resource, api_version: "v1".into(), kind: "Namespace".into(), items })
}

fn is_created(steps: &[Step], id: &ItemId) -> bool {
    steps.iter().filter(|step| step.resource == id.resource).any(|step| {
        let key = (id.namespace.as_str(), id.name.as_str());
        let found = step.items.binary_search_by(|item| (&*item.namespace, &*item.name).cmp(&key));
        found.is_ok_and(|at| step.items[at].write == PlannedWrite::Create)
    })
}

/// Finds out which objects of `step` exist, and what happens to those.
async fn compare_with_live(session: &Arc<Session>, step: &mut Step, namespaces: &Namespaces) -> Result<Vec<Problem>> {
    let matches = live_state::matches(session, step, namespaces).await?;
    let view = &*step;
    let judged = matches.into_iter().map(|found| async move {
        let item = &view.items[found.item];
        judge(session, view, item).await.map(|(write, problem)| (found, write, problem))
    });
    let judged: Vec<_> = stream::iter(judged).buffer_unordered(session.concurrency).try_collect().await?;
    let mut problems = Vec::new();
    for (found, write, problem) in judged {
        let item = &mut step.items[found.item];
        problems.extend(problem);
        if write != PlannedWrite::Create {
            item.then = Then::default();
            item.live = Some(found.version);
        }
        item.write = write;
    }
    Ok(problems)
}

/// What happens to one object that exists.
async fn judge(session: &Arc<Session>, step: &Step, item: &PlannedItem) -> Result<(PlannedWrite, Option<Problem>)> {
    let target = step.target(item);
    if made_by_controllers(&target.resource.to_string(), &target.name) && step.kind == "ConfigMap" {
        return Ok((PlannedWrite::Skip, None));
    }
    let source = step.source(item);
    let Some(body) = session.source.spool.get(&source)? else { return Ok((PlannedWrite::Create, None)) };
    let prepared = session.pipeline.prepare(&source, &body, &session.source.spool);
    let Fate::Ready(desired) = prepared.fate else { return Ok((PlannedWrite::Create, None)) };
    let Some(live) = session.cluster.get(&desired.resource, &target.namespace, &target.name).await? else {
        return Ok((PlannedWrite::Create, None));
    };
    let live: Value = serde_json::from_slice(&live).map_err(|error| Error::Malformed {
        operation: "get",
        object: target.to_string(),
        reason: error.to_string(),
    })?;
    Ok(match compare(&with_assigned(&desired.object, &live), &live, session.updates()) {
        Verdict::Equal => (PlannedWrite::Skip, None),
        Verdict::PatchLabels(_) | Verdict::Patch { .. } => (PlannedWrite::Update, None),
        Verdict::Differs => (PlannedWrite::Skip, Some(differs(&step.kind, &target))),
    })
}

/// The warning about an object that exists, differs and is left alone; the words are Velero's.
pub(super) fn differs(kind: &str, target: &ItemId) -> Problem {
    let text = format!(
        "could not restore, {kind}:{} already exists. Warning: the in-cluster version is different than the backed-up version",
        target.name
    );
    Problem::warning(Stage::Apply, "Differs", text).about(target.clone())
}
