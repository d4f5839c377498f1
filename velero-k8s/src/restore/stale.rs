//! Whether a plan still fits: the same backup, the same cluster, the same live objects.

use super::live_state::{self, Match, Namespaces};
use super::session::Session;
use crate::error::Result;
use std::collections::HashMap;
use velero_core::Error;
use velero_core::pipeline::restore::made_by_controllers;
use velero_core::plan::{Plan, PlannedItem, PlannedWrite, Step, VERSION};

/// Changes that are named one by one; further ones are counted.
const NAMED: usize = 20;

/// Refuses a plan of another version.
pub(super) fn check_version(plan: &Plan) -> Result<()> {
    if plan.version == VERSION {
        return Ok(());
    }
    let fault = format!("it has version {}, and this build reads version {VERSION}; plan again", plan.version);
    Err(Error::invalid("the plan", fault).into())
}

/// Refuses a plan whose backup, cluster or live objects are no longer those that it was made for.
///
/// What this very restore wrote in an earlier, interrupted attempt counts as unchanged, and so do a namespace that
/// somebody has made in the meantime and what controllers put into a new one.
pub(super) async fn check(session: &Session, plan: &Plan) -> Result<()> {
    let mut changed = foundations(session, plan);
    if changed.is_empty() {
        let namespaces = Namespaces::list(session).await?;
        for step in &plan.steps {
            match step.resource.is("namespaces") {
                true => changed.extend(gone_namespaces(step, &namespaces)),
                false => changed.extend(objects(session, step, &namespaces).await?),
            }
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let more = changed.len().saturating_sub(NAMED);
    changed.truncate(NAMED);
    if more > 0 {
        changed.push(format!("and {more} more"));
    }
    Err(Error::Stale { changed }.into())
}

fn foundations(session: &Session, plan: &Plan) -> Vec<String> {
    let mut changed = Vec::new();
    if session.source.planned != plan.backup {
        changed.push(format!("the stored objects of backup {} are not those of the plan", plan.backup.name));
    }
    if session.identity != plan.cluster {
        changed.push(format!("the plan is for cluster {}, and this is {}", plan.cluster, session.identity));
    }
    let actions = session.pipeline.actions.names();
    if actions != plan.actions {
        changed.push(format!("the plan was made with the actions {:?}, and these are {actions:?}", plan.actions));
    }
    changed
}

/// Whether an interrupted attempt at this plan has already updated the object.
fn is_own(now: &Match, item: &PlannedItem) -> bool {
    now.ours && item.write == PlannedWrite::Update
}

fn gone_namespaces(step: &Step, live: &Namespaces) -> Vec<String> {
    let needed = step.items.iter().filter(|item| item.write == PlannedWrite::Skip);
    let gone = needed.filter(|item| live.get(&item.name).is_none_or(|found| found.terminating));
    gone.map(|item| format!("{} is gone", step.target(item))).collect()
}

async fn objects(session: &Session, step: &Step, namespaces: &Namespaces) -> Result<Vec<String>> {
    let found = live_state::matches(session, step, namespaces).await?;
    let found: HashMap<usize, _> = found.into_iter().map(|found| (found.item, found)).collect();
    let change = |(at, item): (usize, &PlannedItem)| {
        let what = match (found.get(&at), &item.live) {
            (Some(now), Some(then)) if now.version != *then && !is_own(now, item) => "changed",
            (Some(now), None) if !now.ours && !made_by_controllers(&step.resource.to_string(), &item.name) => {
                "exists now"
            }
            (None, Some(_)) => "is gone",
            _ => return None,
        };
        Some(format!("{} {what}", step.target(item)))
    };
    Ok(step.items.iter().enumerate().filter_map(change).collect())
}
