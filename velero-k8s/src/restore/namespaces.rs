//! Making sure that a target namespace is there (spec 6.5).

use super::apply::{Applier, Done};
use super::waits;
use crate::error::{ErrorKind, Result};
use velero_core::pipeline::restore::namespace_object;
use velero_core::plan::{PlannedItem, Step};
use velero_core::problem::Stage;
use velero_core::{Problem, Resource};

/// How often a creation is tried whose answer was lost or contradicted.
const ATTEMPTS: u32 = 5;

/// Creates a namespace that the plan found missing or on its way out. If that fails, its objects fail at once instead of
/// waiting again each.
pub(super) async fn ensure(applier: &Applier, head: &Step, item: &PlannedItem) -> Done {
    let failure = match ensured(applier, head, item).await {
        Ok(Some(action)) => return Done::new(action),
        Ok(None) => "it is being deleted and did not go away in time".to_owned(),
        Err(error) => error.to_string(),
    };
    applier.give_up_namespace(&item.name);
    Done::failed(Problem::error(Stage::Wait, "NamespaceFailed", format!("namespace {}: {failure}", item.name)))
}

/// `None` if a namespace that is being deleted did not go away.
async fn ensured(applier: &Applier, head: &Step, item: &PlannedItem) -> Result<Option<&'static str>> {
    let session = &applier.session;
    let cluster = session.cluster.as_ref();
    let Some(row) = session.pipeline.table.by_kind(&head.api_version, &head.kind) else { return Ok(Some("skipped")) };
    let archived = session.source.spool.get(&head.source(item))?;
    let object = namespace_object(archived.as_deref(), &item.name);
    let mut attempt = 0;
    loop {
        let live = waits::get(cluster, row, "", &item.name).await?;
        let terminating = live.as_ref().map(|live| !live["metadata"]["deletionTimestamp"].is_null());
        if terminating == Some(false) {
            return Ok(Some(if attempt > 0 { "created" } else { "skipped" }));
        }
        if terminating == Some(true) && !gone(applier, row, &item.name).await? {
            return Ok(None);
        }
        match cluster.create(row, "", &object, None).await {
            Ok(_) => return Ok(Some("created")),
            // Somebody else was faster, or the answer was lost: look again.
            Err(error)
                if attempt < ATTEMPTS
                    && (error.leaves_in_doubt()
                        || matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Conflict)) =>
            {
                tokio::time::sleep(waits::pause(attempt)).await;
            }
            Err(error) => return Err(error),
        }
        attempt += 1;
    }
}

async fn gone(applier: &Applier, row: &Resource, name: &str) -> Result<bool> {
    let cluster = applier.session.cluster.as_ref();
    let is_gone = || async { Ok(waits::get(cluster, row, "", name).await?.is_none()) };
    waits::until(applier.terminating_timeout, &applier.cancel, is_gone).await
}
